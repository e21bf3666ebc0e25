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

      # While the block runs, current is that place: for files that are not Ruby.
      def at(file, line)
        former = @given
        @given = [file, line]
        yield
      ensure
        @given = former
      end

      # path nil: Ruby's own, at the bottom of an enumerator's fiber.
      def outside?(path) = !path.nil? && !path.start_with?(*@inside)

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
        text = +"#{first}: #{PlainWords.of(exception)}"
        text << " (#{exception.class})" unless PlainWords.complete?(exception)
        (rest - [first]).each { |place| text << " (from #{place})" }
        text
      end

      def printable(text) = text.dup.force_encoding(Encoding::UTF_8).scrub("?")

      # The calls of an exception that stand in the administrator's files,
      # innermost first.  A block and what it stands in count as one, and a method
      # written in C, which has the place of its caller, as none.
      def of(exception)
        locations = exception.backtrace_locations
        return written_in(exception) unless locations

        locations = locations.select { |location| outside?(location.path) }
        locations = locations.each_cons(2).reject { |one, caller| same_place?(one, caller) }.map(&:first) +
                    locations.last(1)
        locations.slice_when { |one, other| one.path != other.path || one.base_label != other.base_label }
                 .map { |calls| "#{printable(calls.first.path)}:#{calls.first.lineno}" }.uniq
      end

      # The same where the backtrace is text, because it was copied from another exception.
      def written_in(exception)
        (exception.backtrace || []).filter_map { |call| call.match(/\A(.+?):\d+/) }
                                   .select { |place| outside?(place[1]) }.map { |place| printable(place[0]) }.uniq
      end

      def same_place?(one, other) = one.path == other.path && one.lineno == other.lineno
    end
  end
end
