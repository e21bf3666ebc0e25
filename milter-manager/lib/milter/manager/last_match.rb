# frozen_string_literal: true

module Milter
  module Manager
    # $~, $1 and the like belong to a file, not to a block in it: all stoppers of
    # a file have one, and while one of them waits others run.  So whoever waits
    # finds again what it had.  Only files that use such variables cost time.
    module LastMatch
      VARIABLES = /\$(?:[~&`'+1-9]|\w*MATCH)|last_match/n
      ACCESS = "[-> { $~ }, ->(match) { $~ = match }]"

      @files = ObjectSpace::WeakMap.new # configuration => its own list of [read, write]

      class << self
        # file: the binding that source is evaluated with.
        def watch(configuration, source, file)
          return unless VARIABLES.match?(source.b)

          list = configuration.last_matches
          list << eval(ACCESS, file)
          @files[configuration] = list
        end

        # Goes on in that fiber; returns what comes back.
        def transfer(fiber)
          return fiber.transfer if @files.size.zero?

          kept = @files.values.flatten(1).map { |read, write| [write, read.call] }
          begin
            fiber.transfer
          ensure
            kept.each { |write, match| write.call(match) }
          end
        end
      end
    end
  end
end
