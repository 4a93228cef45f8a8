"""Holds the fault tests to the library: every function of the system's that it calls and that can
fail is one that the tests have fail, or is named here with the reason why it is not."""
import re
import subprocess
import sys

NOT_FAILED = {
    "computes": """acos acosh asin asinh atan atanh cbrt cos cosh erf erfc exp exp2 expm1 fma fmaf fmod
        frexp ldexp log log10 log1p log2 nearbyint nearbyintf pow sin sinh sqrt sqrtf tan tanh
        bcmp memchr memcmp memcpy memmove memset strcmp strerror strlen vsnprintf""",
    "has what it needs": "clock_gettime getenv geteuid getpid sched_yield secure_getenv sysconf",
    "fails where a lock is misused": "pthread_mutex_lock pthread_mutex_unlock",
    "says that the library's own rules or texts are wrong": "abort fprintf fputs stderr",
    "the number of a thread, a wait for another": "syscall",
}


def called(nm, library):
    listed = subprocess.run([nm, "-u", "--format=posix", library], check=True, text=True,
                            capture_output=True).stdout
    names = {line.split()[0] for line in listed.splitlines() if re.match(r"\w+ [Uw]\b", line)}
    return {name for name in names if not name.startswith(("_", "sluice_"))}


def main(nm, library, wrapped):
    expected = set(wrapped.split(","))
    for names in NOT_FAILED.values():
        expected |= set(names.split())
    new = sorted(called(nm, library) - expected)
    for name in new:
        print(f"the library calls {name}(), which no fault test has fail")
    return 1 if new else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
