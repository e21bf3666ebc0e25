# frozen_string_literal: true

require "shellwords"
require "milter/manager/groups"

module Milter
  module Manager
    # The receiver of milter.ITEM = VALUE in define_milter.
    class Child < Group
      items :connection_spec, :description, :enabled, :fallback_status, :evaluation_mode,
            :command, :command_options, :user_name, :startup_time, :connection_timeout,
            :writing_timeout, :reading_timeout, :end_of_message_timeout

      attr_reader :name

      def initialize(name)
        super()
        @name = name
        @conditions = ConditionList.new(name)
      end

      def self.group_name = "milter"

      alias enabled? enabled
      alias evaluation_mode? evaluation_mode

      # Names in order.
      def applicable_conditions = @conditions.names

      # Names or condition objects; replaces what was there.
      def applicable_conditions=(conditions)
        @conditions.replace(conditions)
      end

      def add_applicable_condition(condition) = @conditions.add(condition)

      private

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
