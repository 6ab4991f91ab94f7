"""A PostgreSQL server for the length of a benchmark, in a folder of its own."""
import glob
import os
import pwd
import subprocess
import sys
import tempfile
import time


class Server:
    """A PostgreSQL server of our own with its settings as they come: what is committed is on the disk."""

    def __init__(self, folder):
        binaries = max(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[-2]))
        # It refuses to run as root; its processes then belong to the user the Debian package made.
        self.user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        self.folder = tempfile.mkdtemp(prefix="pg-", dir=folder)
        if self.user:
            os.chown(self.folder, self.user.pw_uid, self.user.pw_gid)
        self.count = 0
        data = os.path.join(self.folder, "data")
        self.run([binaries + "/initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-locale"])
        self.process = subprocess.Popen(
            [binaries + "/postgres", "-D", data, "-k", self.folder, "-c", "listen_addresses="], **self.options())
        self.binaries = binaries
        for _ in range(300):
            ready = subprocess.run([binaries + "/pg_isready", "-q", "-h", self.folder], **self.options())
            if ready.returncode == 0:
                return
            time.sleep(0.1)
        sys.exit("PostgreSQL did not start")

    def options(self):
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/"}
        if not self.user:
            return quiet
        return {**quiet, "user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}

    def run(self, command):
        subprocess.run(command, check=True, **self.options())

    def fresh(self, keep=False):
        """The URL of an empty database; the one before is gone, unless it is to be kept."""
        if self.count and not keep:
            self.run([self.binaries + "/dropdb", "-h", self.folder, "-U", "postgres", f"bench_{self.count}"])
        self.count += 1
        self.run([self.binaries + "/createdb", "-h", self.folder, "-U", "postgres", f"bench_{self.count}"])
        return f"postgres://postgres@/bench_{self.count}?host={self.folder}"

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
