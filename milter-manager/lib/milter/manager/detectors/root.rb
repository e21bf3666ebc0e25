# frozen_string_literal: true

module Milter
  module Manager
    module Detectors
      # A value and where it was found, "FILE:LINE".
      Fact = Struct.new(:text, :place)

      # A line without its end, and where it stands.
      Line = Struct.new(:text, :place)

      # The files of the system that is looked at, or of a copy of it below a
      # directory.  Their content is bytes: nobody knows the encoding.
      class Root
        # What is longer is no configuration of a milter: the rest is not read.
        LARGEST = 256 * 1024 # bytes of a file
        LONGEST = 4096       # bytes of a line

        # What could not be looked at, though it may be there: path => why.
        attr_reader :doubts

        def initialize(directory)
          @directory = directory.to_s.chomp("/")
          @lines = {}
          @unreadable = {}
          @doubts = {}
        end

        def path(name) = "#{@directory}#{name}"

        def file?(name)
          return false unless status(name)&.file?
          return true if File.readable?(path(name))

          doubt(path(name), "Permission denied")
          false
        end

        def executable?(name) = File.file?(path(name)) && File.executable?(path(name))

        # Something of that name is there, be it a link that leads out of a copied tree.
        def entry?(name) = !status(name, :lstat).nil?

        # A link that says: not at all.
        def masked?(name) = File.symlink?(path(name)) && File.readlink(path(name)) == "/dev/null"

        # Names below the root, sorted.
        def glob(pattern)
          Dir.glob(pattern, base: "#{@directory}/").sort.map { |name| "/#{name.delete_prefix("/")}" }
        end

        # No lines for a file that is not there; one that cannot be read is told, once.
        def lines(name)
          lines = @lines[name] ||= read(name)
          doubt(path(name), @unreadable[name]) if @unreadable.key?(name)
          lines
        end

        # What follows may be less than the truth.
        def doubt(path, reason)
          @doubts[path] ||= reason
        end

        # The same with lines that end in a backslash joined to the next.
        def joined_lines(name)
          joined = []
          open = false
          lines(name).each do |line|
            text = line.text.delete_suffix("\\")
            if open
              joined.last.text << " " << text.lstrip if joined.last.text.size < LONGEST
            else
              joined << Line.new(text.dup, line.place)
            end
            open = text.size < line.text.size
          end
          joined
        end

        private

        def read(name)
          return [] unless status(name)&.file? # a FIFO would hold up the load

          bytes = File.open(path(name), "rb") { |file| file.read(LARGEST) } || ""
          number = 0
          bytes.delete_prefix("\xEF\xBB\xBF".b).delete("\0").split(/\r?\n/n).map do |text|
            Line.new(text[0, LONGEST], "#{path(name)}:#{number += 1}")
          end
        rescue SystemCallError => e
          @unreadable[name] = Manager.reason_of(e)
          Logger.warning("detection of milters: #{path(name)}: #{@unreadable[name]}")
          []
        end

        # nil when it is not there, or when nobody lets us know.
        def status(name, method = :stat)
          File.public_send(method, path(name))
        rescue Errno::EACCES => e
          doubt(path(name), Manager.reason_of(e))
          nil
        rescue SystemCallError
          nil
        end
      end
    end
  end
end
