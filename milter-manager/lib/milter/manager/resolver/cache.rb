# frozen_string_literal: true

module Milter
  module Manager
    class Resolver
      # Answers until their time is over; the longest unused one makes room.
      class Cache
        ENTRIES = 10_000 # some 5 MB
        LONGEST = 3600 # s; whoever is taken off a list does not want to wait longer
        LONGEST_NEGATIVE = 900 # s

        Entry = Struct.new(:answer, :expires)
        private_constant :Entry

        def initialize(entries = ENTRIES)
          @limit = entries
          @entries = {}
        end

        def size = @entries.size

        # nil when there is none that is still good.
        def [](key)
          entry = @entries.delete(key)
          return if entry.nil? || entry.expires <= now

          @entries[key] = entry
          entry.answer
        end

        def store(key, answer)
          seconds = [answer.ttl, answer.found? ? LONGEST : LONGEST_NEGATIVE].min
          return unless seconds.positive?

          @entries.delete(key)
          @entries.shift if @entries.size >= @limit
          @entries[key] = Entry.new(answer, now + seconds)
        end

        private

        def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
      end
    end
  end
end
