"""database.* with SQLite (configuration 9): models in stoppers, who gets a connection when, what a
reload does, and that nobody waits for somebody else's query; test/run: first; test/run: not sanitized"""

import os
import signal
import sqlite3
import subprocess
import time
import unittest

import wire
from case import PATIENCE, ManagerCase, condition
from manager import PROGRAM, Manager, clean_environment, ender, listening, read_text, run_to_end


def installed():
    """Debian's packages, asked as the program asks."""
    return subprocess.run(
        ["ruby", "--disable-all", "-e", 'require "rubygems"; require "active_record"; require "sqlite3"'],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        check=False).returncode == 0


@unittest.skipUnless(os.environ.get("CI") or installed(), "ruby-activerecord, ruby-sqlite3 not installed")
class DatabaseCase(ManagerCase):
    """A child `watched' behind the condition `Ask', which looks at the HELO."""

    def setUp(self):
        super().setUp()
        os.mkdir(self.path("models"))
        self.write("models/user.rb", "class User < ActiveRecord::Base; end\n")
        self.create("mail.db", ["stop.example.org"])

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def create(self, name, users):
        with sqlite3.connect(self.path(name)) as database:
            database.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)")
            database.executemany("INSERT INTO users (name) VALUES (?)", [(user,) for user in users])
        database.close()

    def settings(self, name="mail.db", **items):
        items = {"type": '"sqlite3"', "name": '"%s"' % (name if name == ":memory:" else self.path(name)),
                 **items}
        return "".join("database.%s = %s\n" % item for item in items.items()) + (
            'database.setup\ndatabase.load_models("models/*.rb")\n')

    def two_children(self):
        self.child("watched", applicable_conditions=["Ask"])
        self.child("fine")

    def prepare(self, body="User.where(name: fqdn).exists?", before="", **items):
        self.two_children()
        self.start(before=before + self.settings(**items) + condition("Ask", "helo", "fqdn", body))

    def helo(self, fqdn, name="MTA"):
        """A session whose HELO is on its way."""
        mta = self.negotiated(name)
        mta.command(wire.connect())
        mta.send(wire.helo(fqdn))
        return mta

    def ask(self, fqdn):
        """Whether the condition stopped the child."""
        number = len(self.children["watched"].sessions)
        mta = self.helo(fqdn)
        mta.expect(wire.CONTINUE, timeout=10)
        mta.quit()
        session = self.children["watched"].session(number)
        session.wait_closed()
        return "H" not in session.letters()

    def probe(self, fqdn="probe"):
        """What the stopper put into the macro probe."""
        number = len(self.children["watched"].sessions)
        mta = self.helo(fqdn)
        mta.expect(wire.CONTINUE, timeout=10)
        mta.quit()
        session = self.children["watched"].session(number)
        session.wait_closed()
        return [names["probe"] for _, names in session.macro_sets() if "probe" in names][-1]

    def others_flow(self, seconds):
        """Ordinary sessions go on meanwhile; the longest wait of their commands."""
        worst, sessions, deadline = 0.0, 0, time.monotonic() + seconds
        while time.monotonic() < deadline:
            mta = self.negotiated("quick")
            for step in (wire.connect(), wire.helo("other.example.org"), wire.mail(), wire.rcpt()):
                mta.send(step)
                mta.receive()
                worst = max(worst, mta.last_wait)
            mta.quit()
            sessions += 1
        self.assertGreater(sessions, 3, "other sessions hardly ran")
        return worst


class Queries(DatabaseCase):
    def test_models_in_stoppers(self):
        self.prepare()
        self.assertTrue(self.ask("stop.example.org"))
        self.assertFalse(self.ask("go.example.org"))
        with sqlite3.connect(self.path("mail.db")) as database:
            database.execute("INSERT INTO users (name) VALUES ('go.example.org')")
        database.close()
        self.assertTrue(self.ask("go.example.org"))

    def test_an_error_is_logged_with_the_line_of_the_condition(self):
        self.prepare('User.where("nonsense = 1").exists?')
        self.assertFalse(self.ask("stop.example.org"))
        line = self.manager.wait_log(r"\[condition\]\[error\]")[0]
        self.assertRegex(line, r'"Ask".*: %s:\d+: SQLite3::SQLException: no such column: nonsense'
                         % self.path("milter-manager.conf"))

    def test_a_transaction_that_a_condition_leaves_open_is_undone(self):
        self.prepare("""
    case fqdn
    when "raise" then User.connection.begin_db_transaction; User.create(name: fqdn); raise "left"
    when "return" then User.connection.begin_db_transaction; User.create(name: fqdn); false
    when "throw" then catch(:out) { User.transaction { User.create(name: fqdn); raise ActiveRecord::Rollback } }
    else User.where(name: fqdn).exists?
    end""", extra_options="{ pool: 1 }")
        for way in ("raise", "return", "throw"):
            self.ask(way)
        self.assertTrue(self.ask("stop.example.org"))
        with sqlite3.connect(self.path("mail.db"), timeout=0.2) as database:
            self.assertEqual([("stop.example.org",)], database.execute("SELECT name FROM users").fetchall())
            database.execute("INSERT INTO users (name) VALUES ('free')")
        database.close()

    def test_queries_while_the_configuration_is_loaded(self):
        self.two_children()
        self.start(before=self.settings() + 'NAMES = User.pluck(:name)\n' + condition(
            "Ask", "helo", "fqdn", "NAMES.include?(fqdn)"))
        self.assertTrue(self.ask("stop.example.org"))

    def test_memory(self):
        self.prepare(name=":memory:", before="", body='User.where(name: fqdn).exists?'
                     ' || (User.create(name: fqdn); false)')
        self.assertFalse(self.ask("twice"))  # there is no table
        self.manager.wait_log("Could not find table 'users'")
        self.fresh()
        self.two_children()
        self.start(before=self.settings(":memory:") + 'User.connection.execute("CREATE TABLE users (name TEXT)")\n'
                   + condition("Ask", "helo", "fqdn",
                               "User.where(name: fqdn).exists? || (User.create(name: fqdn); false)"))
        self.assertFalse(self.ask("twice"))
        self.assertTrue(self.ask("twice"))


class Waiting(DatabaseCase):
    def lock(self, name="mail.db"):
        """Another process's transaction: nobody else can read."""
        database = sqlite3.connect(self.path(name), isolation_level=None, check_same_thread=False)
        self.addCleanup(database.close)
        database.execute("BEGIN EXCLUSIVE")
        return database

    BODY = 'next false if fqdn == "other.example.org"\n    User.where(name: fqdn).exists?'

    def test_a_locked_database_holds_up_nobody_else(self):
        self.prepare(self.BODY)
        self.assertTrue(self.ask("stop.example.org"))
        database = self.lock()
        started = time.monotonic()
        mtas = [self.helo("stop.example.org", "waiting%d" % number) for number in range(8)]
        worst = self.others_flow(1.0)
        for mta in mtas:
            mta.expect_nothing(0.01)
        database.execute("COMMIT")
        for mta in mtas:
            mta.expect(wire.CONTINUE)
            mta.quit()
        self.assert_within(1.0, 2.5, started, "the lock")
        self.assertLess(worst, 0.3 * PATIENCE, "others were held up")

    def test_a_lock_that_lasts_is_an_error(self):
        self.prepare(self.BODY, extra_options="{ timeout: 300 }")
        self.assertTrue(self.ask("stop.example.org"))
        self.lock()
        started = time.monotonic()
        self.assertFalse(self.ask("stop.example.org"))
        self.assert_within(0.25, 1.5, started, "waiting for the lock")
        self.manager.wait_log("database is locked")

    def test_the_deadline_while_the_database_is_locked(self):
        self.prepare(self.BODY, before="manager.condition_timeout = 0.4\n", extra_options="{ pool: 1 }")
        database = self.lock()
        for _ in range(3):
            started = time.monotonic()
            self.assertFalse(self.ask("stop.example.org"))
            self.assert_within(0.35, 1.5, started, "the condition")
        self.manager.wait_log(r"\[condition\]\[timeout\].*0.4 s", 3)
        self.assertEqual([], self.manager.log_lines(r"\[condition\]\[error\]"))
        database.execute("COMMIT")
        self.assertTrue(self.ask("stop.example.org"))

    def test_a_lock_met_inside_a_transaction(self):
        self.prepare("""
    next false if fqdn == "other.example.org"
    next User.where(name: fqdn).exists? if fqdn == "stop.example.org"
    User.transaction { User.create(name: fqdn) }
    true""", before="manager.condition_timeout = 0.4\n", extra_options="{ pool: 1 }")
        database = self.lock()
        self.assertFalse(self.ask("write"))
        database.execute("COMMIT")
        self.assertTrue(self.ask("stop.example.org"))
        self.assertEqual([("stop.example.org",)], database.execute("SELECT name FROM users").fetchall())
        self.assertTrue(self.ask("write"))

    def test_who_came_first_gets_the_connection_first(self):
        self.prepare("""
    $order ||= []
    next !(context["probe"] = $order.join(" ")) if fqdn == "probe"
    User.count
    $order << fqdn
    sleep 0.15
    false""", extra_options="{ pool: 2 }")
        started = time.monotonic()
        mtas = []
        for number in range(8):
            mtas.append(self.helo(str(number)))
            time.sleep(0.01)
        for mta in mtas:
            mta.expect(wire.CONTINUE)
            mta.quit()
        # Four rounds of two.
        self.assert_within(0.55, 1.5, started, "eight conditions with two connections")
        self.assertEqual("0 1 2 3 4 5 6 7", self.probe())
        self.assertEqual([], self.manager.log_lines(r"\[condition\]\[(error|timeout)\]"))

    def test_the_deadline_while_no_connection_is_free(self):
        self.prepare("""
    User.count
    sleep 1.2 if fqdn == "long"
    User.where(name: fqdn).exists?""", before="manager.condition_timeout = 2\n",
                     extra_options="{ pool: 1, checkout_timeout: 0.3 }")
        long = self.helo("long")
        started = time.monotonic()
        self.assertFalse(self.ask("stop.example.org"))
        self.assert_within(0.25, 1.0, started, "waiting for a connection")
        self.manager.wait_log("no database connection was free within 0.3 s")
        long.expect(wire.CONTINUE)
        self.assertTrue(self.ask("stop.example.org"))
        long.quit()

    def test_the_mta_leaves_while_a_connection_is_used_or_waited_for(self):
        self.prepare("User.count\n    sleep 30 if fqdn == \"long\"\n    User.where(name: fqdn).exists?",
                     before="manager.condition_timeout = 0\n", extra_options="{ pool: 1 }")
        for _ in range(3):
            using, waiting = self.helo("long"), self.helo("long")
            time.sleep(0.05)
            waiting.close()
            using.close()
        self.assertTrue(self.ask("stop.example.org"))

    def test_a_query_that_would_block_is_refused(self):
        self.prepare("""
    User.find_each.next if fqdn == "next"
    User.where(name: fqdn).exists?""", extra_options="{ pool: 2 }")
        for _ in range(4):
            self.assertFalse(self.ask("next"))
        self.manager.wait_log(r"a query in a blocking fiber, such as that of Enumerator#next", 4)
        self.assertTrue(self.ask("stop.example.org"))

    def test_each_fiber_and_thread_has_its_own_connection(self):
        self.prepare("""
    mine = User.connection
    theirs = []
    Fiber.schedule { theirs << User.connection; sleep 0.05 }
    theirs << Thread.new { User.connection }.value
    sleep 0.1
    context["probe"] = [mine, *theirs].map(&:object_id).uniq.size.to_s
    false""", extra_options="{ pool: 3 }")
        # What fibers and threads that are no more had is used again.
        for _ in range(5):
            self.assertEqual("3", self.probe())


    def test_who_has_hardly_any_time_left_gets_no_connection(self):
        """It would be interrupted at once, and the connection closed."""
        self.prepare("""
    User.connection_pool.with_connection do
      Milter::Logger.message("[turn] #{fqdn}")
      sleep 9
    end""", before="manager.condition_timeout = 2.0\n", extra_options="{ pool: 1 }")
        mtas = [self.helo(name) for name in ("first", "too-late")]
        time.sleep(1.0)
        mtas.append(self.helo("in-time"))
        for mta in mtas:
            mta.expect(wire.CONTINUE, timeout=10)
        self.assertEqual(["first", "in-time"],
                         [line.split()[-1] for line in self.manager.log_lines(r"\[turn\]")])


class Reloading(DatabaseCase):
    def reload(self, text):
        count = len(self.manager.log_lines("in force|stays as it was"))
        self.manager.write_configuration(text)
        self.manager.signal(signal.SIGHUP)
        self.manager.wait_log("in force|stays as it was", count + 1)

    def text(self, name="mail.db", body=None, after="", **items):
        body = body or """
    if fqdn == "slow"
      known = User.where(name: "stop.example.org").exists?
      sleep 0.6
      context["probe"] = [known, User.where(name: "stop.example.org").exists?].inspect
    else
      context["probe"] = User.connection_pool.object_id.to_s + " " + User.pluck(:name).join(" ")
    end
    false"""
        return self.configuration(self.settings(name, **items) + condition("Ask", "helo", "fqdn", body), after)

    def begin(self):
        self.two_children()
        self.manager = Manager(self.directory, self.transcript)
        self.manager.write_configuration(self.text())
        self.addCleanup(self._finish)
        self.manager.start(environment={"MILTER_LOG_LEVEL": "all"})

    def test_unchanged_values_keep_the_connections(self):
        self.begin()
        before = self.probe()
        self.reload(self.text())
        self.assertEqual(before, self.probe())

    def test_other_values_are_for_the_questions_to_come(self):
        self.create("other.db", ["other"])
        self.begin()
        self.assertRegex(self.probe(), r"^\d+ stop.example.org$")
        number = len(self.children["watched"].sessions)
        mta = self.helo("slow")
        time.sleep(0.1)
        self.reload(self.text("other.db"))
        self.assertRegex(self.probe(), r"^\d+ other$")
        mta.expect(wire.CONTINUE)
        mta.quit()
        session = self.children["watched"].session(number)
        session.wait_closed()
        self.assertIn("[true, true]", [names.get("probe") for _, names in session.macro_sets()])
        self.assertNotIn(self.path("mail.db"), "\n".join(self.manager.open_file_names()))

    def test_many_reloads_leave_no_connection_behind(self):
        self.create("other.db", ["other"])
        self.begin()
        for number in range(6):
            mta = self.helo("slow")
            self.reload(self.text(["other.db", "mail.db"][number % 2]))
            self.assertRegex(self.probe(), ["other$", "stop.example.org$"][number % 2])
            mta.expect(wire.CONTINUE)
            mta.quit()
        names = self.manager.open_file_names()
        self.assertNotIn(self.path("other.db"), "\n".join(names))
        self.assertLess(sum(self.path("mail.db") in name for name in names), 4, names)

    def test_a_reload_makes_no_connection_while_it_has_the_loop(self):
        self.create("other.db", ["other"])
        self.begin()
        self.probe()
        # What the loop's own fiber connected would be counted before anything else runs.
        text = self.text("other.db", body="""
    context["probe"] = ActiveRecord::Base.connection_pool.connections.count { |one|
      one.owner.equal?(Milter::Manager::Engine.instance_variable_get(:@root)) }.to_s
    User.count
    false""")
        self.reload(text)
        self.assertEqual("0", self.probe())

    def test_a_configuration_with_an_error_changes_nothing(self):
        self.create("other.db", ["other"])
        self.begin()
        before = self.probe()
        self.reload(self.text("other.db", after="User.count\nmanager.chunk_size = 'x'\n"))
        self.assertEqual(before, self.probe())
        self.assertNotIn(self.path("other.db"), "\n".join(self.manager.open_file_names()))

    def test_the_other_database_has_other_columns(self):
        with sqlite3.connect(self.path("other.db")) as database:
            database.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, colour TEXT)")
            database.execute("INSERT INTO users (name, colour) VALUES ('x', 'red')")
        database.close()
        body = 'context["probe"] = User.first.attributes["colour"].inspect; false'
        self.begin()
        self.reload(self.text(body=body))
        self.assertEqual("nil", self.probe())
        self.reload(self.text("other.db", body=body))
        self.assertEqual('"red"', self.probe())

    def test_models_that_changed(self):
        body = 'context["probe"] = User.first.greeting; false'
        model = "class User < ActiveRecord::Base\n  $loaded = $loaded.to_i + 1\n" \
                "  def greeting = \"%s #{$loaded}\"\nend\n"
        self.write("models/user.rb", model % "hello")
        self.begin()
        self.reload(self.text(body=body))
        self.assertEqual("hello 1", self.probe())
        self.write("models/user.rb", model % "good morning")
        self.reload(self.text(body=body))
        self.assertEqual("good morning 2", self.probe())
        self.write("models/user.rb", "class User < ActiveRecord::Base\n  def greeting = (\nend\n")
        self.reload(self.text(body=body))
        self.manager.wait_log(r"database.load_models: %s:3: syntax error" % self.path("models/user.rb"))
        self.assertEqual("good morning 2", self.probe())

    def test_setup_twice_in_one_load(self):
        self.create("other.db", ["other"])
        self.begin()
        self.reload(self.text(after='database.name = "%s"\ndatabase.setup\n' % self.path("other.db")))
        self.assertRegex(self.probe(), r"^\d+ stop.example.org$")


class Models(DatabaseCase):
    def test_files_are_loaded_in_order_and_mistakes_are_logged(self):
        self.write("models/a.rb", "$order = 'a'\n")
        self.write("models/b.rb", "$order << 'b'\nraise 'broken'\n")
        self.write("models/c.rb", "$order << 'c'\nclass C < NoSuchBase; end\n")
        self.write("models/d.rb", "$order << 'd'\n")
        self.prepare('context["probe"] = $order; false')
        self.assertEqual("abcd", self.probe())
        self.manager.wait_log(r"database.load_models: %s:2: broken" % self.path("models/b.rb"))
        self.manager.wait_log(r"database.load_models: %s:2: unknown name: NoSuchBase" % self.path("models/c.rb"))

    def test_no_regular_file(self):
        os.mkfifo(self.path("models/fifo"))
        self.prepare("false", before='database.load_models("models/fifo")\n')
        self.manager.wait_log("%s: it should be a regular file" % self.path("models/fifo"))

    def test_no_file(self):
        os.unlink(self.path("models/user.rb"))
        self.prepare("false")
        self.assertRegex(self.manager.wait_log("load_models")[0],
                         r"%s:\d+: database.load_models: models/\*.rb doesn't exist."
                         % self.path("milter-manager.conf"))


class Mistakes(DatabaseCase):
    """What is wrong with database.* ends the start with FILE:LINE."""

    def refused(self, text, message, **environment):
        self.write("milter-manager.conf", "log.use_syslog = false\n" + text)
        status, _, err = run_to_end("--config-dir", self.directory, "--show-config", environment=environment)
        self.assertEqual((1, "milter-manager: %s:2: %s\n" % (self.path("milter-manager.conf"), message)),
                         (status, err))

    def test_items(self):
        for text, message in {
                "database.setup": "database.type should be set",
                'database.type = "mysql"; database.setup': "database.name should be set",
                'database.type = "mysql2"; database.setup': "database.name should be set",
                'database.type = "sqlite3"; database.setup': "database.name should be set",
                'database.type = "sqlite3"; database.name = ":memory:"; database.extra_options = { pool: 2 };'
                ' database.setup': "database.extra_options[:pool] should be 1 for :memory: but was 2",
                'database.type = "sqlite3"; database.name = "x"; database.extra_options = { "pool" => 0 };'
                ' database.setup': "database.extra_options[:pool] should be an integer from 1 but was 0",
                'database.type = "pg"; database.extra_options = { reaping_frequency: 1 }; database.setup':
                "database.extra_options[:reaping_frequency] has no meaning here: connections are given back when "
                "a condition ends, and closed when idle_timeout is over",
                'database.extra_options = 1': "database.extra_options should be a hash but was 1",
                'database.type = "oracle"; database.setup':
                'database.type should be one of ["mysql", "mysql2", "pg", "sqlite3"] or another adapter of '
                'ActiveRecord that is installed but was "oracle": cannot load such file -- '
                'active_record/connection_adapters/oracle_adapter'}.items():
            with self.subTest(text=text):
                self.refused(text, message)

    def test_missing_packages(self):
        os.mkdir(self.path("broken"))
        for feature, what, package in (("active_record", "ActiveRecord", "ruby-activerecord"),
                                       ("sqlite3", "the database driver sqlite3", "ruby-sqlite3"),
                                       ("pg", "the database driver pg", "ruby-pg"),
                                       ("mysql2", "the database driver mysql2", "ruby-mysql2")):
            with self.subTest(feature=feature):
                self.write("broken/%s.rb" % feature,
                           'raise LoadError, "cannot load such file -- %s"\n' % feature)
                kind = "sqlite3" if feature == "active_record" else feature
                self.refused('$LOAD_PATH.unshift("%s"); database.type = "%s"; database.name = "x"; database.setup'
                             % (self.path("broken"), kind),
                             "database.* needs %s, which is not installed or cannot be loaded: on Debian install "
                             "the package %s (cannot load such file -- %s)" % (what, package, feature))
                os.unlink(self.path("broken/%s.rb" % feature))
        self.refused('database.load_models("x.rb")',
                     "database.* needs ActiveRecord, which is not installed or cannot be loaded: on Debian install "
                     "the package ruby-activerecord (cannot load such file -- active_record)",
                     GEM_PATH=self.path("broken"), GEM_HOME=self.path("broken"))

    def test_a_database_that_cannot_be_opened_is_logged_soon(self):
        self.prepare(name="models")
        self.assertRegex(self.manager.wait_log(r"\[database\]\[error\]")[0],
                         r"%s:\d+: no connection to the database %s: .*unable to open"
                         % (self.path("milter-manager.conf"), self.path("models")))
        self.assertFalse(self.ask("stop.example.org"))
        self.assert_healthy()

    def test_relative_names_begin_at_the_prefix(self):
        self.write("milter-manager.conf", 'database.type = "sqlite3"\ndatabase.path = "no/such/mail.db"\ndatabase.setup\n')
        status, _, err = run_to_end("--config-dir", self.directory, "--show-config")
        self.assertEqual(1, status)
        self.assertRegex(err, r"milter-manager.conf:3: the directory of the database /[a-z/]+/no/such/mail.db doesn't exist$")

    def test_nothing_is_loaded_without_setup(self):
        self.write("milter-manager.conf", 'database.type = "sqlite3"\nraise if defined?(Gem)\n')
        status, out, err = run_to_end("--config-dir", self.directory, "--show-config")
        self.assertEqual((0, ""), (status, err))
        self.assertIn('\ndatabase.type = "sqlite3"\n', out)


class Daemon(DatabaseCase):
    def run_daemon(self, before):
        self.two_children()
        manager = self.manager = Manager(self.directory, self.transcript)
        manager.write_configuration(self.configuration(
            'log.path = "%s"\n' % self.path("stdout") + before
            + condition("Ask", "helo", "fqdn", "User.where(name: fqdn).exists?")))
        subprocess.run(
            [PROGRAM, "--config-dir", self.directory, "--daemon", "--pid-file", self.path("pid"), "-s",
             "unix:" + manager.socket_path], env=clean_environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, timeout=20, check=True)
        self.assertTrue(listening(manager.socket_path))
        deadline = time.monotonic() + 5
        while not read_text(self.path("pid")).endswith("\n"):
            self.assertLess(time.monotonic(), deadline, "no pid file")
            time.sleep(0.01)
        pid = int(read_text(self.path("pid")))
        self.addCleanup(ender(pid))

    def test_a_file(self):
        self.run_daemon(self.settings() + "User.count\n")
        self.assertTrue(self.ask("stop.example.org"))
        self.assertFalse(self.ask("go.example.org"))

    def test_memory_survives_the_fork(self):
        self.run_daemon(self.settings(":memory:")
                        + 'User.connection.execute("CREATE TABLE users (name TEXT)")\nUser.create(name: "stop")\n')
        self.assertTrue(self.ask("stop"))
        self.assertFalse(self.ask("go"))


if __name__ == "__main__":
    unittest.main()
