# frozen_string_literal: true

require "shellwords"
require "milter/manager/groups"

module Milter
  module Manager
    # The receiver of milter.ITEM = VALUE in define_milter.
    class Child < Group
      items :connection_spec, :description, :enabled, :fallback_status, :evaluation_mode,
            :command, :command_options, :user_name, :connection_timeout, :writing_timeout,
            :reading_timeout, :end_of_message_timeout

      # Shipped conditions of a later version.
      LATER_CONDITIONS = ["Sendmail Compatible", "DNSBL Listed", "Not DNSBL Listed", "Policy"].freeze

      attr_reader :name

      def initialize(name)
        super()
        @name = name
      end

      def self.group_name = "milter"

      alias enabled? enabled
      alias evaluation_mode? evaluation_mode

      # Names in order.
      def applicable_conditions = Native.child_conditions(@name)

      # Names or condition objects; replaces what was there.
      def applicable_conditions=(conditions)
        check(Native.clear_child_conditions(@name))
        Array(conditions).each { |condition| add_applicable_condition(condition) }
      end

      def add_applicable_condition(condition)
        name = condition.is_a?(ApplicableCondition) ? condition.name : condition.to_s
        message = Native.add_child_condition(@name, name, *Locations.current)
        raise NotAvailable, "the condition #{name.inspect}" if message && later?(name)

        check(message)
      end

      private

      def later?(name) = LATER_CONDITIONS.include?(name)

      def check(message)
        raise InvalidValue, message if message
      end

      def native_read(name) = Native.child_value(@name, name.to_s)

      def native_write(name, value, notation, file, line)
        Native.assign_child(@name, name.to_s, value, notation, file, line)
      end

      def convert_write(name, value)
        return value unless name == :command_options && value.is_a?(Array)

        Shellwords.join(value.map(&:to_s))
      end
    end
  end
end
