# frozen_string_literal: true

module Milter
  module Manager
    # Finds where in the administrator's files something was said.
    module Locations
      # As it was loaded, symbolic links included, so that it compares with locations.
      LIBRARY = "#{File.expand_path("../../..", __FILE__)}/"

      module_function

      def outside?(path)
        !path.nil? && !path.start_with?(LIBRARY) && !path.start_with?("<internal:")
      end

      # While the block runs, current is that place: for files that are not Ruby.
      def at(file, line)
        former = @given
        @given = [file, line]
        yield
      ensure
        @given = former
      end

      # [FILE, LINE] of the innermost call from outside of this library.
      def current
        return @given if @given

        place = caller_locations(1).find { |location| outside?(location.path) }
        place ? [place.path, place.lineno] : ["", 0]
      end

      # FILE:LINE: MESSAGE (CLASS) and where that was called from, in one line.
      # Never raises, whatever the exception is like.
      def describe(exception)
        first, *rest = of(exception)
        first ||= exception.backtrace&.first
        text = +"#{first}: #{message_of(exception)} (#{exception.class})"
        (rest.uniq - [first]).each { |place| text << " (from #{place})" }
        text
      end

      # The first line, as valid UTF-8.
      def message_of(exception)
        printable(exception.message.to_s.lines.first.to_s.chomp)
      rescue StandardError => e
        "the message itself raised #{e.class}"
      end

      def printable(text) = text.dup.force_encoding(Encoding::UTF_8).scrub("?")

      # The calls of an exception that stand in the administrator's files, innermost first.
      def of(exception)
        locations = exception.backtrace_locations || []
        locations.select { |location| outside?(location.path) }
                 .map { |location| "#{printable(location.path)}:#{location.lineno}" }
      end
    end
  end
end
