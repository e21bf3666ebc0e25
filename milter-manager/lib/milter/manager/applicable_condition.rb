# frozen_string_literal: true

module Milter
  module Manager
    # The receiver of define_applicable_condition: stoppers by stage.
    class ApplicableCondition
      # In the order of enum condition_stage (milter-manager/session/condition.h).
      STAGES = %i[connect helo envelope_from envelope_recipient envelope data header end_of_header
                  body end_of_message].freeze

      attr_reader :name, :description
      attr_accessor :timeout # seconds; nil: none

      def initialize(name)
        @name = name
        @stoppers = Array.new(STAGES.size) { [] }
      end

      STAGES.each_with_index do |stage, index|
        define_method("define_#{stage}_stopper") do |&stopper|
          raise ConfigurationError, "define_#{stage}_stopper needs a block" unless stopper

          add_stopper(index, stopper)
        end
      end

      def description=(text)
        text = text&.to_s
        message = Native.describe_condition(@name, text, *Locations.current)
        raise ConfigurationError, message if message

        @description = text
      end

      def stoppers? = @stoppers.any?(&:any?)

      # The number of the first stopper of that stage that says true, or false.
      def stopped_by(stage, context, arguments)
        @stoppers[stage].each do |stopper, number|
          return number if stopper.call(context, *arguments)
        end
        false
      end

      def inspect = "#<#{self.class} #{@name}>"

      def respond_to_missing?(*) = false

      def method_missing(name, *)
        close = Spelling.closest(name.to_s, public_methods(false))
        hint = close ? Spelling.hint("condition.#{close}") : "; milter-manager.conf(5) lists them"
        raise NoMethodError, "unknown item: condition.#{name.to_s.delete_suffix("=")}#{hint}"
      end

      private

      def add_stopper(stage, stopper)
        number = Native.add_condition_stopper(@name, stage, *place_of(stopper))
        raise ConfigurationError, number if number.is_a?(String)

        @stoppers[stage] << [stopper, number]
      end

      # In the administrator's files: a method may have been written in C, and
      # define_policy and its like have their stoppers from here.
      def place_of(stopper)
        file, line = stopper.source_location
        file && Locations.outside?(file) ? [file, line] : Locations.current
      end
    end
  end
end
