# How sanitizers behave in tests. Sourced by bash.

# A report ends the program with a status of its own, leaks count, and stacks are shown for UBSan too.
export ASAN_OPTIONS=detect_leaks=1:halt_on_error=1:exitcode=99:strict_string_checks=1:allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export TSAN_OPTIONS=halt_on_error=1:exitcode=66:second_deadlock_stack=1:suppressions=$PWD/scripts/lib/tsan.supp

# ThreadSanitizer of older compilers does not start where the kernel spreads addresses widely.
fixed_addresses=()
if setarch "$(uname -m)" -R true 2>/dev/null; then
	fixed_addresses=(setarch "$(uname -m)" -R)
fi
