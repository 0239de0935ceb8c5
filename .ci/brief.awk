# Shows a test run without the captured output of tests that passed: `luna test` writes that to the log.

/^successes:$/ { hidden = 1; next }
/^(failures:|test result:)/ { hidden = 0 }
!hidden { print; fflush() }
