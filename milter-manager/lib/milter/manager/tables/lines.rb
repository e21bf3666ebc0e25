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
          new.parse(StringIO.new(TextFile.read(path)), path)
        end
      end

      private

      # Yields each line with its number.  Blank lines and comments are left
      # out; a line that begins with a blank continues the one before.
      def each_logical_line(io)
        text = number = nil
        io.each_line.with_index(1) do |line, current|
          line = line.scrub.chomp
          next if line.strip.empty? || line.start_with?("#")

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

      def invalid_format(path, number, line)
        raise ConfigurationError, "#{path}:#{number}: invalid format <#{line}>"
      end

      def invalid_value(path, number, line, detail, value)
        raise ConfigurationError, "#{path}:#{number}: #{detail}: <#{value}>: <#{line}>"
      end
    end
  end
end
