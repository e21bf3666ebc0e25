"""The configuration language as the program itself knows it, and the table of
tests (`covered') that prove its parts.

Both sides are asked, not written down: the tables in C through
build/tools/config-reference, the Ruby classes through a configuration that
looks at them.
"""

import collections
import os
import re
import subprocess
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("MILTER_BUILD_DIR") or os.path.join(TOP, "build")
TABLE = os.path.join(TOP, "test", "coverage", "covered")
CONDITIONS = os.path.join(TOP, "milter-manager", "conf", "applicable-conditions")

Name = collections.namedtuple("Name", "kind name owner method")
Proof = collections.namedtuple("Proof", "name file test line shown")


def names():
    """Everything in the tables: items, words, stoppers, shipped conditions."""
    out = subprocess.run([os.path.join(BUILD, "tools", "config-reference"), "names", CONDITIONS],
                         stdout=subprocess.PIPE, check=True).stdout.decode()
    found = []
    for line in out.splitlines():
        kind, name, *rest = line.split("\t")
        if kind == "word":
            found.append(Name(kind, name, rest[0], rest[1]))
        elif kind == "stopper":
            found.append(Name(kind, name, "ApplicableCondition", name.partition(".")[2]))
        else:
            found.append(Name(kind, name, None, None))
    return found


def key(name):
    """What the table of tests calls it: the same method of two classes is two words."""
    twins = {"table.find", "table.parse"}
    return "%s (%s)" % (name.name, name.owner) if name.name in twins else name.name


def proofs():
    """The table of tests."""
    found = []
    with open(TABLE, encoding="utf-8") as table:
        for number, line in enumerate(table, 1):
            line = line.rstrip("\n")
            if not line or line.startswith("#"):
                continue
            parts = re.split(r"\t+", line)
            shown = len(parts) == 2 and parts[1].startswith("shown: ")
            if shown:
                parts[1] = parts[1].partition(" ")[2]
            if len(parts) == 2 and "::" in parts[1]:
                file, _, test = parts[1].partition("::")
                found.append(Proof(parts[0], file, test, number, shown))
            else:
                raise ValueError("%s:%d: should be NAME, a tabulator, FILE::TEST or shown: FILE::TEST, but is %r"
                                 % (TABLE, number, line))
    return found


def tests_of(file):
    """Names of the tests in a suite."""
    with open(os.path.join(TOP, file), encoding="utf-8") as stream:
        text = stream.read()
    if file.endswith(".bats"):
        return re.findall(r'^@test "(.*)" \{$', text, re.MULTILINE)
    found, current = [], None
    for line in text.splitlines():
        begun = re.match(r"class (\w+)", line)
        method = re.match(r"    def (test\w+)", line)
        if begun:
            current = begun.group(1)
        elif method:
            found.append("%s.%s" % (current, method.group(1)))
    return found


REFLECTION = """
skip = [Milter::Manager::Native] + ObjectSpace.each_object(Class).select { |c| c <= Exception }
walk = lambda do |space, seen|
  space.constants(false).each do |name|
    home = space.const_get(name)
    next if !home.is_a?(Module) || !home.name.start_with?("Milter::") || seen.include?(home) || skip.include?(home)
    seen << home
    walk.(home, seen)
  end
  seen
end
homes = walk.(Milter, [])
mixed = homes.grep(Class).flat_map { |home| home.included_modules & homes }.uniq
File.open(%s, "w") do |file|
  (homes - mixed).each do |home|
    name = home.name.delete_prefix("Milter::").delete_prefix("Manager::")
    name = home.group_name if home.is_a?(Class) && home < Milter::Manager::Group
    parts = [home, *(home.included_modules & mixed)]
    parts.flat_map { |part| part.public_instance_methods(false) }.each { |method| file.puts "#{name}\\t#{method}" }
    home.singleton_methods(false).each { |method| file.puts "#{name}\\t#{method}" }
    file.puts "#{name}\\t"
  end
end
"""


def reflect():
    """{class: {method}} of the whole Ruby half; classes of items go by the name of their
    group, what is mixed into a class belongs to it."""
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "methods")
        with open(os.path.join(directory, "milter-manager.conf"), "w", encoding="utf-8") as file:
            file.write(REFLECTION % ('"%s"' % path))
        subprocess.run([os.path.join(BUILD, "bin", "milter-manager"), "-c", directory,
                        "--show-config"], stdout=subprocess.DEVNULL, check=True)
        found = {}
        with open(path, encoding="utf-8") as file:
            for line in file:
                home, _, method = line.rstrip("\n").partition("\t")
                found.setdefault(home, set())
                if method:
                    found[home].add(method if method in ("==", "[]=") else method.rstrip("="))
        return found
