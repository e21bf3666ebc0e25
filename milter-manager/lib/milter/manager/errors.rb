# frozen_string_literal: true

module Milter
  module Manager
    # Something in a configuration file is wrong: the load has failed.
    class ConfigurationError < StandardError; end

    # The reason of a SystemCallError, without the file's name and Ruby's internals.
    def self.reason_of(error) = SystemCallError.new(nil, error.errno).message

    # An item got a value it does not take.
    class InvalidValue < ConfigurationError; end

    # Notes a mistake and goes on, so that one load tells all of them; the load
    # has failed.  Outside of a load the mistake is raised.
    def self.complain(kind, message)
      raise kind, message
    rescue kind => e
      loader = Loader.current or raise
      loader.record(e)
      nil
    end

    # In the block mistakes are raised also in a load: the caller has a way out.
    def self.strictly
      loader, Loader.current = Loader.current, nil
      yield
    ensure
      Loader.current = loader
    end

    # Something that works but is hardly meant.
    def self.caution(text)
      Native.caution(text)
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
