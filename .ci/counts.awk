# Counts a test log: passed, failed, skipped with each reason, and the steps of `steps` (comma-separated)
# that failed outside the tests. Exits 1 when anything failed or nothing ran.
#
# What a failing test said when it failed is shown once more, since the log above it is long.
#
# A test that leaves early says `skipped: <test>: <reason>`; the runner counts it as passed, this does not.

/^test result:/ {
  for (field = 1; field <= NF; field++) {
    if ($field == "passed;") passed += $(field - 1)
    if ($field == "failed;") failed += $(field - 1)
    if ($field == "ignored;") ignored += $(field - 1)
  }
}
/^skipped: / {
  test = $2
  sub(/:$/, "", test)
  if (!(test in reason)) order[++skips] = test
  reason[test] = $0
}
/^test .* \.\.\. (FAILED|ignored)/ { named[++names] = $0 }
/^(successes:|test result:)/ { failures = 0 }
/^failures:$/ { failures = 1 }
failures && /^thread '.*' .*panicked at / { panicking = 6 }
/^(stack backtrace:|note: |---- |$)/ { panicking = 0 }
panicking > 0 { panicking--; panics[++panicked] = substr($0, 1, 500) }
END {
  total = split(steps, step, ",")
  for (number = 1; number <= total; number++) {
    # A test run that fails without a failing test did not build or was cut off.
    if (step[number] == "tests" && failed > 0) continue
    failed_steps++
    print "failed step: " step[number]
  }
  print ""
  for (number = 1; number <= names; number++) print named[number]
  for (number = 1; number <= panicked; number++) print panics[number]
  for (number = 1; number <= skips; number++) print reason[order[number]]
  if (passed + failed + ignored == 0) print "no test ran"
  skipped = skips + ignored
  passed = passed - skips > 0 ? passed - skips : 0
  all_failed = failed + failed_steps
  printf "%d passed, %d failed, %d skipped\n", passed, all_failed, skipped
  exit (all_failed > 0 || passed == 0) ? 1 : 0
}
