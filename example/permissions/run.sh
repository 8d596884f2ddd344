#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs another program.
uname -s
