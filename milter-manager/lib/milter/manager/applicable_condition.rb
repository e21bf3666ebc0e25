# frozen_string_literal: true

module Milter
  module Manager
    # The receiver of define_applicable_condition: stoppers by stage.
    class ApplicableCondition
      # In the order of enum condition_stage (milter-manager/session/condition.h).
      STAGES = %i[connect helo envelope_from envelope_recipient data header end_of_header body
                  end_of_message].freeze

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

      # True when a stopper of that stage says so; the first true wins.
      def stop?(stage, context, arguments)
        @stoppers[stage].any? { |stopper| stopper.call(context, *arguments) }
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
        stages = 1 << stage
        @stoppers.each_with_index { |list, index| stages |= 1 << index unless list.empty? }
        message = Native.set_condition_stages(@name, stages)
        raise ConfigurationError, message if message

        @stoppers[stage] << stopper
      end
    end
  end
end
