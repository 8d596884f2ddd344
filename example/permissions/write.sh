#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Writes into the folder out/.
echo 'a result' >>out/result.txt && echo written
