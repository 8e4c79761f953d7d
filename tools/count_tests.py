"""Prints `N passed, N failed` of one `bazel test`, out of its build event file and the test.xml files that it names.

A target that failed without a failed test case in its XML (it crashed, or timed out) counts as one failed. Exits 1 if
anything failed or nothing ran.
"""

import json
import sys
import urllib.parse
import xml.etree.ElementTree as ElementTree


def cases_of(result):
    """(passed, failed) of one target's TestResult event."""
    passed = failed = 0
    for output in result.get("testActionOutput", []):
        if output["name"] != "test.xml":
            continue
        path = urllib.parse.unquote(urllib.parse.urlparse(output["uri"]).path)
        for case in ElementTree.parse(path).iter("testcase"):
            if case.find("failure") is not None or case.find("error") is not None:
                failed += 1
            elif case.get("status") != "notrun" and case.find("skipped") is None:
                passed += 1
    if result.get("status") != "PASSED" and failed == 0:
        failed = 1
    if result.get("status") == "PASSED" and passed + failed == 0:
        passed = 1
    return passed, failed


def main(events_path):
    results = {}
    with open(events_path, encoding="utf-8") as events:
        for line in events:
            event = json.loads(line)
            if "testResult" in event:
                # A later attempt replaces an earlier one.
                results[event["id"]["testResult"]["label"]] = event["testResult"]
            elif event.get("testSummary", {}).get("overallStatus") in ("NO_STATUS", "FAILED_TO_BUILD"):
                results.setdefault(event["id"]["testSummary"]["label"], {"status": "FAILED_TO_BUILD"})
    passed = failed = 0
    for label in sorted(results):
        case_passed, case_failed = cases_of(results[label])
        if case_failed:
            print(f"failed: {label}")
        passed += case_passed
        failed += case_failed
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
