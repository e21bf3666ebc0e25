# frozen_string_literal: true

module Milter
  module Manager
    # Finds where in the administrator's files something was said.
    module Locations
      # As it was loaded, symbolic links included, so that it compares with locations.
      LIBRARY = "#{File.expand_path("../../..", __FILE__)}/"

      @inside = [LIBRARY, "<internal:"]

      module_function

      # Nobody's mistake is to be looked for in the files below these directories.
      def ignore(directories)
        @inside |= directories.map { |directory| "#{directory}/" }
      end

      # path nil: Ruby's own, at the bottom of an enumerator's fiber.
      def outside?(path) = !path.nil? && !path.start_with?(*@inside)

      # [FILE, LINE] of the innermost call from outside of this library.
      def current
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
        places(exception).select { |path, _| outside?(path) }
                         .map { |path, line| "#{printable(path)}:#{line}" }
      end

      # [[FILE, LINE], ...]; where the backtrace was copied from another exception it is text.
      def places(exception)
        locations = exception.backtrace_locations
        return locations.map { |location| [location.path, location.lineno] } if locations

        (exception.backtrace || []).filter_map { |text| text.match(/\A(.+?):(\d+)/)&.captures }
      end
    end
  end
end
