# frozen_string_literal: true

module Milter
  # Writes to the program's log: Milter::Logger.info("text") or with a block
  # that is only run when the line would be written.
  module Logger
    LEVELS = %w[critical error warning message info debug trace statistics profile].freeze

    class << self
      LEVELS.each do |level|
        define_method(level) do |message = nil, &block|
          next unless Manager::Native.log_wanted?(level)

          message = block.call if message.nil? && block
          place = caller_locations(1, 1)&.first
          Manager::Native.log(level, message.to_s, place&.path.to_s, place&.lineno || 0)
          nil
        end
      end
      alias warn warning
    end
  end
end
