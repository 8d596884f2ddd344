#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the tests of ipc/python/podshim.py, as TAP: one line for each.
set -Eeuo pipefail
cd "$(dirname "$0")/../.."

command -v python3 >/dev/null || { echo "1..0 # skip needs python3"; exit 0; }
exec python3 -B -S -W error::ResourceWarning - <<'END'
import sys
import unittest

sys.path.insert(0, "tests/python")


class Tap(unittest.TextTestResult):
    n = 0

    def line(self, test, good, note="", detail=""):
        self.n += 1
        print(f"{'ok' if good else 'not ok'} {self.n} {test.id()}{note}", flush=True)
        for text in detail.splitlines():
            print("#", text)

    def addSuccess(self, test):
        self.line(test, True)

    def addSkip(self, test, reason):
        self.line(test, True, f" # SKIP {reason}")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.line(test, False, "", self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self.line(test, False, "", self.errors[-1][1])


suite = unittest.defaultTestLoader.loadTestsFromName("test_podshim")
runner = unittest.TextTestRunner(stream=sys.stderr, resultclass=Tap)
print(f"1..{suite.countTestCases()}", flush=True)
sys.exit(not runner.run(suite).wasSuccessful())
END
