# frozen_string_literal: true

module Milter
  module Manager
    # Something in a configuration file is wrong: the rest of that file is skipped.
    class ConfigurationError < StandardError; end

    # The reason of a SystemCallError, without the file's name and Ruby's internals.
    def self.reason_of(error) = SystemCallError.new(nil, error.errno).message

    # An item got a value it does not take.
    class InvalidValue < ConfigurationError; end

    # A part of the language that this version does not have yet.
    class NotAvailable < ConfigurationError
      def initialize(item)
        super("#{item} is not available yet")
      end
    end

    # A context was used after its session had ended.
    class StaleContextError < StandardError; end

    # Raised inside a stopper that took longer than manager.condition_timeout.
    # Not a StandardError: an ordinary rescue must not swallow it.
    class ConditionTimeout < Exception; end

    # Raised inside a stopper or hook that ran for as long without waiting.
    class ConditionOverrun < ConditionTimeout; end

    # Something that would end or take over the manager's process.
    class NotAllowed < StandardError; end

    # Raised inside a stopper whose answer is not wanted any more.
    class ConditionCancelled < Exception; end
  end
end
