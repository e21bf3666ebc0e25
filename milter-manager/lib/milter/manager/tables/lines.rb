# frozen_string_literal: true

require "stringio"

module Milter
  module Manager
    # What the lookup tables in Postfix' formats have in common: logical lines
    # and error messages.
    module TableLines
      # A table from a file.
      def self.included(table)
        table.define_singleton_method(:load) do |path|
          new.parse(TextFile.read(path), path)
        end
      end

      private

      # Yields each line with its number.  Blank lines and comments are left
      # out; another line that begins with a blank continues the one before.
      # io: a file or text.
      def each_logical_line(io)
        text = number = nil
        io.each_line.with_index(1) do |line, current|
          line = line.scrub.chomp
          next if line.match?(/\A\s*(?:#|\z)/)

          if line.match?(/\A\s/) && text
            text = "#{text} #{line.strip}"
            next
          end
          yield(text, number) if text
          text = line.strip
          number = current
        end
        yield(text, number) if text
      end

      # The same without those that end an "if": yields what is open as well, the
      # innermost list of entries last.  Returns the table.
      def each_nested_line(io, path, entries)
        open = [entries]
        last = nil
        each_logical_line(io) do |line, number|
          last = [number, line]
          next yield(line, number, open) unless line.match?(/\Aendif\s*\z/i)

          invalid_value(path, number, line, "if is missing", "endif") if open.size == 1
          open.pop
        end
        invalid_value(path, *last, "endif is missing", "if") if open.size > 1
        self
      end

      # From now on entries belong to that one.
      def open_if(entry, open)
        entry.entries = []
        open.last << entry
        open.push(entry.entries)
      end

      def invalid_format(path, number, line)
        raise ConfigurationError, "#{path}:#{number}: invalid format <#{line}>"
      end

      def invalid_value(path, number, line, detail, value)
        raise ConfigurationError, "#{path}:#{number}: #{detail}: <#{value}>: <#{line}>"
      end
    end
  end
end
