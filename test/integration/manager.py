"""The program under test as a process of its own."""

import os
import re
import resource
import signal
import subprocess
import time

import wire
from fake_mta import FakeMta
from transcript import Quiet

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("MILTER_BUILD_DIR") or os.path.join(TOP, "build")
PROGRAM = os.path.join(BUILD, "bin", "milter-manager")
# More options for every manager: any suite in another way, as in
# MANAGER_OPTIONS=--event-loop-backend=glib test/run integration
OPTIONS = os.environ.get("MANAGER_OPTIONS", "").split()
# A sanitized or supervised program is slower; waits for it (never measured times) are stretched.
PATIENCE = 4.0 if os.environ.get("SANITIZE") else 1.0


def sanitized():
    """True when the program carries a sanitizer, which changes its memory figures."""
    with open(PROGRAM, "rb") as program:
        return b"__asan_init" in program.read()


def listening(path):
    """True when some process listens on that unix socket (asks without connecting)."""
    try:
        with open("/proc/net/unix", encoding="utf-8", errors="replace") as table:
            for line in table:
                words = line.split()
                if len(words) > 7 and words[7] == path and int(words[3], 16) & 0x10000:
                    return True
    except OSError:
        pass
    return False


def started_at(pid):
    """When that process was started, in the kernel's ticks; None: there is none, or it has ended."""
    try:
        with open("/proc/%d/stat" % pid, encoding="utf-8", errors="replace") as stat:
            fields = stat.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else int(fields[19])


def ender(pid):
    """A function that ends this process, which is not our child, for addCleanup.  Its number is
    soon another process' once it has ended: that is left alone."""
    started = started_at(pid)

    def end():
        if started is not None and started_at(pid) == started:
            os.kill(pid, signal.SIGKILL)
    return end


def run_to_end(*options, environment=None, timeout=20, **popen):
    """Runs the program with these options; returns (status, stdout, stderr)."""
    done = subprocess.run([PROGRAM, *options], env=clean_environment(environment),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=timeout * PATIENCE, check=False, **popen)
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode(
        "utf-8", "replace")


def clean_environment(extra=None):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MILTER_")}
    # Ruby's threads have alternate signal stacks of their own, which a sanitizer must not release.
    kept["ASAN_OPTIONS"] = ":".join(filter(None, [kept.get("ASAN_OPTIONS"), "use_sigaltstack=0"]))
    kept.update(extra or {})
    return kept


class Manager:
    def __init__(self, directory, transcript):
        self.directory = directory
        self.transcript = transcript
        self.socket_path = os.path.join(directory, "manager.sock")
        self.address = self.socket_path
        self.stdout_path = os.path.join(directory, "stdout")
        self.stderr_path = os.path.join(directory, "stderr")
        self.process = None

    # ---- configuration

    @property
    def configuration_path(self):
        return os.path.join(self.directory, "milter-manager.conf")

    def write_configuration(self, text):
        # In one step, so that a reload never sees half of it.
        with open(self.configuration_path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(self.configuration_path + ".new", self.configuration_path)

    # ---- life

    def start(self, *options, environment=None, limits=None, wait=True, spec=None):
        """limits: resource limits of the process, by resource.RLIMIT_*."""
        def limit():
            for kind, most in limits.items():
                resource.setrlimit(kind, (most, most))

        command = [PROGRAM, "--config-dir", self.directory, "--no-daemon",
                   "-s", spec or "unix:" + self.socket_path, *OPTIONS, *options]
        with open(self.stdout_path, "ab") as stdout, open(self.stderr_path, "ab") as stderr:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr,
                env=clean_environment(environment), cwd=self.directory,
                preexec_fn=limit if limits else None)
        self.transcript.note("manager", "started, pid %d" % self.process.pid)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, timeout=15.0):
        deadline = time.monotonic() + timeout * PATIENCE
        while not listening(self.socket_path):
            if self.process.poll() is not None:
                raise AssertionError("milter-manager ended with status %d before it listened\n%s"
                                     % (self.process.returncode, self.output()))
            if time.monotonic() > deadline:
                raise AssertionError("milter-manager does not listen on %s\n%s"
                                     % (self.socket_path, self.output()))
            time.sleep(0.005)

    def signal(self, number):
        self.transcript.note("manager", "signal %s" % signal.Signals(number).name)
        self.process.send_signal(number)

    def wait(self, timeout=10.0):
        """Waits for the end; returns the exit status (negative: killed by that signal)."""
        try:
            status = self.process.wait(timeout * PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError("milter-manager has not ended within %.1f s\n%s\n%s" % (
                timeout * PATIENCE, self.output(), self.transcript)) from None
        self.transcript.note("manager", "ended with status %d" % status)
        return status

    def running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, timeout=10.0):
        """Orderly end; returns the exit status."""
        if self.running():
            self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def kill(self):
        if self.running():
            self.process.kill()
        if self.process is not None:
            self.process.wait()

    # ---- what it says

    def log(self):
        return read_text(self.stdout_path)

    def errors(self):
        return read_text(self.stderr_path)

    def output(self):
        """The ends of what it wrote; where that is long, everything but statistics is kept."""
        log = self.log()
        if len(log) > 6000:
            rare = [line for line in log[:-6000].splitlines()
                    if not re.search(r"\]: \[(session|sessions|milter)\]\[", line)]
            log = "\n".join(rare)[-6000:] + "\n...\n" + log[-6000:]
        return "---- stdout\n%s\n---- stderr\n%s" % (log, self.errors()[-6000:])

    def log_lines(self, pattern):
        return [line for line in self.log().splitlines() if re.search(pattern, line)]

    def wait_log(self, pattern, count=1, timeout=5.0):
        """Waits until so many log lines match; returns them."""
        deadline = time.monotonic() + timeout * PATIENCE
        while True:
            lines = self.log_lines(pattern)
            if len(lines) >= count:
                return lines
            if time.monotonic() > deadline:
                raise AssertionError("the log should have %d line(s) with /%s/ but has %d\n%s\n%s" % (
                    count, pattern, len(lines), self.output(), self.transcript))
            time.sleep(0.02)

    # ---- what it uses

    def open_files(self):
        return len(os.listdir("/proc/%d/fd" % self.process.pid))

    def files_at_rest(self):
        """How many descriptors it has once its event loop runs: an offer of version 1 has been
        refused, which involves no child."""
        mta = self.connect("at rest", Quiet())
        mta.send(wire.negotiate(1, 0xF, 0x3F))
        mta.expect_closed()
        mta.close()
        time.sleep(0.05)
        return self.open_files()

    def open_file_names(self):
        """What the descriptors are, for failures."""
        folder, names = "/proc/%d/fd" % self.process.pid, []
        for number in sorted(os.listdir(folder), key=int):
            try:
                names.append("%s %s" % (number, os.readlink(os.path.join(folder, number))))
            except OSError:
                pass
        return names

    def resident_kib(self):
        with open("/proc/%d/status" % self.process.pid, encoding="ascii") as status:
            for line in status:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1])
        raise AssertionError("no VmRSS")

    def cpu_seconds(self):
        with open("/proc/%d/stat" % self.process.pid, encoding="ascii") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def connect(self, name="MTA", transcript=None, **options):
        return FakeMta(self.address, transcript or self.transcript, name, **options)


def read_text(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""
