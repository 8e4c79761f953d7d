"""Deliberate bugs, and a run that shows which checker of the simulation catches each, and with which seed.

Usage: mutations.py check ROOT          every bug can still be put in (what CI runs)
       mutations.py run ROOT [NAME...]  puts each in, in a copy of the tree, builds, and runs seeds until one fails

A bug that is not caught by MOST_SEEDS seeds is a finding: of a checker that sees too little, or of faults too rare.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

MOST_SEEDS = 60
HOURS = "2"

# Name, file, what stands there, what is put there instead.
MUTATIONS = [
    ("skip the fsync of a commit", "log/archive.cc",
     "CL_RETURN_IF_ERROR(store_.Commit(batch, Durability::kSynced));\n  bool complete",
     "CL_RETURN_IF_ERROR(store_.Commit(batch, Durability::kBuffered));\n  bool complete"),
    ("answer before it is durable", "edge-agent/endpoint/recording_site.cc",
     "  return Record(std::move(handled.entries),\n",
     "  surroundings_.post([link, early = handled.answer]() { link->OnRecorded(early); });\n"
     "  handled.answer.reset();\n"
     "  return Record(std::move(handled.entries),\n"),
    ("off by one in resume", "log/replication/sender.cc",
     "next_(held.size),", "next_(held.size + (held.size > 100 ? 1 : 0)),"),
    ("forget to send again after a lost acknowledgement", "log/replication/sender.cc",
     "next_(held.size),", "next_(log.head().size),"),
    ("fold twice after a crash", "projections/runtime/folder.cc",
     "  batch.PutCopy(FoldKey(log_id), position.SerializeAsString());\n",
     "  CL_RETURN_IF_ERROR(store_.Commit(batch, log::Durability::kBuffered));\n  batch = log::WriteBatch();\n"
     "  batch.PutCopy(FoldKey(log_id), position.SerializeAsString());\n"),
    ("give every StartTransaction a new id", "projections/transactions.cc",
     "      (known.clock_credible() || !known.used())) {", "      known.transaction_id() < 0) {"),
    ("give the last transaction id again", "projections/transactions.cc",
     "std::max(LastId(state), after) + 1;", "std::max(LastId(state), after + 1);"),
    ("do not tell an author of generations that it does not know", "server/ledger.cc",
     "    // Also those that the author does not know: it is an older copy then, and has to be told.\n",
     "    if (generation > hello.generation()) break;\n"),
    ("seal one entry more than the bundle has", "log/event_log.cc",
     "keys_.Entry((first + bundles) * kTileWidth));\n  return true;",
     "keys_.Entry((first + bundles) * kTileWidth + 1));\n  return true;"),
    ("carry nothing over from a damaged generation", "log/replication/worker.cc",
     "++result.recorded;", "events.clear();"),
    ("carry an orphan inside another", "core/orphans.cc",
     "entry.has_orphaned_entry() &&", "entry.has_log_opened() &&"),
    ("never release a stream's place", "server/ledger.cc",
     "  stream.held->replicating_ = false;\n", ""),
    ("fold only the newest generation", "server/bookkeeper.cc",
     "    auto folded = folder.Fold(*log, held.site(), kPiece);",
     "    if (log != held.generations().back()) continue;\n"
     "    auto folded = folder.Fold(*log, held.site(), kPiece);"),
    ("fold an empty log for ever", "server/bookkeeper.cc", "after.size() > 0 &&", "true &&"),
    ("keep a damaged state", "log/derived_store.cc",
     "CL_RETURN_IF_ERROR(directory.Remove(name));\n    CL_RETURN_IF_ERROR(directory.Remove(mark));",
     "CL_RETURN_IF_ERROR(directory.Remove(mark));"),
    ("count a reset register's jump as energy", "projections/sessions/tally.cc",
     "    return Take(point, now);\n  } else {", "    return Take(point, before);\n  } else {"),
    ("add a kilowatt-hour for each value that says nothing new", "projections/sessions/tally.cc",
     "tally_.set_energy_mwh(tally_.energy_mwh() + energy);",
     "tally_.set_energy_mwh(tally_.energy_mwh() + energy + (energy == 0 ? 1000000 : 0));"),
    ("bill what a flag holds", "projections/billing/billing.cc",
     "  if (!HoldingFlags(stored, policy).empty()) stored.add_reasons(v1::HOLD_REASON_FLAG);\n", ""),
    ("correct a bill without a credit", "projections/billing/billing.cc",
     "    Credit(key, stored, context);\n  }\n  MakeCdr(", "  }\n  MakeCdr("),
    ("leave in suspense what was released", "projections/billing/billing.cc",
     "  if (stored.suspense_e4() != 0) {", "  if (stored.suspense_e4() < 0) {"),
    ("bill an adjusted session as it was", "projections/billing/billing.cc",
     "Adjusted(stored.input(), stored.review())", "stored.input()"),
    ("keep the bill of what is waived", "projections/billing/billing.cc",
     "    if (stored.state() == v1::BILLING_STATE_BILLED) Credit(key, stored, context);\n", ""),
    ("price a new version by the first one's price", "projections/billing/billing.cc",
     "  if (pricer_ == nullptr || pricer_of_ != of) {", "  if (pricer_ == nullptr) {"),
    ("drop what the ledger has not cosigned", "edge-agent/agent_core.cc",
     "std::min(log.sealed(), cosigned.has_value() ? cosigned->size / log::kTileWidth : 0);",
     "std::max(log.sealed(), cosigned.has_value() ? cosigned->size / log::kTileWidth : 0);"),
    ("cosign without looking at what was signed before (--both-forget)", "server/ledger.cc",
     "  if (held.contradicting_.count(log.generation().value()) > 0) return false;\n  auto last",
     "  if (held.newest_ > 0) return true;\n  auto last"),
]

VIOLATION = re.compile(r"^seed (\d+): ([a-z ]+): (.*)$", re.M)


def check(root):
    """How many bugs can no longer be put in; says which."""
    stale = 0
    for name, path, old, _ in MUTATIONS:
        found = (root / path).read_text(encoding="utf-8").count(old)
        if found != 1:
            print(f"{path}: what \"{name}\" replaces is there {found} times; bring mutations.py up to date")
            stale += 1
    return stale


def run_one(scratch, name, path, old, new):
    """Seed, checker and detail of what caught the bug; None if nothing did."""
    target = scratch / path
    before = target.read_text(encoding="utf-8")
    target.write_text(before.replace(old, new), encoding="utf-8")
    try:
        build = subprocess.run([scratch / "tools/bazel-here", "build", "//tests/simulation"],
                               cwd=scratch, capture_output=True, text=True, check=False)
        if build.returncode != 0:
            sys.exit(f"{name}: does not build:\n{build.stderr[-3000:]}")
        ran = subprocess.run([scratch / "bazel-bin/tests/simulation/simulation", "--seed", "1", "--runs", str(MOST_SEEDS),
                              "--hours", HOURS, "--no-shrink", *re.findall(r"--[a-z-]+", name)],
                             cwd=scratch, capture_output=True, text=True, check=False, timeout=900)
    except subprocess.TimeoutExpired:
        return ("?", "none", "the run hangs")
    finally:
        target.write_text(before, encoding="utf-8")
    caught = VIOLATION.search(ran.stdout)
    if caught:
        return caught.groups()
    return ("?", "crash", ran.stderr.strip()[-200:]) if ran.returncode not in (0, 1) else None


def run(root, names):
    """How many bugs nothing caught."""
    missed = 0
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="mutations-")) / "tree"
    files = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True).stdout
    for name in filter(None, files.split("\0")):
        (scratch / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, scratch / name, follow_symlinks=False)
    print("| deliberate bug | caught by | seed |\n| --- | --- | --- |", flush=True)
    for mutation in MUTATIONS:
        if names and mutation[0] not in names:
            continue
        caught = run_one(scratch, *mutation)
        missed += caught is None
        seed, checker, _ = caught or ("–", "**nothing**", "")
        print(f"| {mutation[0]} | {checker} | {seed} |", flush=True)
    subprocess.run([scratch / "tools/bazel-here", "clean", "--expunge"], cwd=scratch, capture_output=True, check=False)
    shutil.rmtree(scratch.parent)
    return missed


def main():
    if len(sys.argv) < 3 or sys.argv[1] not in ("check", "run"):
        sys.exit(__doc__)
    root = pathlib.Path(sys.argv[2]).resolve()
    sys.exit(1 if (check(root) if sys.argv[1] == "check" else run(root, sys.argv[3:])) else 0)


if __name__ == "__main__":
    main()
