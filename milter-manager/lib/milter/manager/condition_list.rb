# frozen_string_literal: true

module Milter
  module Manager
    # The conditions of a milter, or of the recording of sessions: names in order.
    class ConditionList
      # What conditions are told instead of a milter's name.
      RECORDING = "manager.record_sessions"

      # owner: the name of the milter; nil: manager.record_sessions
      def initialize(owner)
        @owner = owner
      end

      def names = Native.child_conditions(@owner)

      # Names or condition objects; nil is none.
      def replace(conditions)
        check(Native.clear_child_conditions(@owner))
        Array(conditions).each { |condition| add(condition) }
      end

      def add(condition)
        name = condition.is_a?(ApplicableCondition) ? condition.name : condition.to_s
        message = Native.add_child_condition(@owner, name, *Locations.current)
        check("#{message}#{hint(name)}") if message
      end

      private

      def check(message)
        Manager.complain(InvalidValue, message) if message
      end

      def hint(name)
        loader = Loader.current or return ""
        close = Spelling.closest(name, loader.configuration.defined_applicable_conditions)
        return Spelling.hint(close.inspect) if close

        file = loader.shipped_condition(name)
        file ? "; it is shipped: write load(#{file.inspect}) before" : ""
      end
    end
  end
end
