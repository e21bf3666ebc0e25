# frozen_string_literal: true

module Milter
  module Manager
    # A list of things that a string may match: strings, regexps, callables.
    class Matcher
      def initialize(*matchers)
        @matchers = matchers
      end

      def add(matcher = nil, &block)
        matcher ||= block
        raise ConfigurationError, "something to match is needed" if matcher.nil?

        # Procs and methods know === as well.
        matcher = matcher.method(:call) if matcher.respond_to?(:call)
        @matchers << matcher
      end

      def clear = @matchers.clear

      def match?(text)
        @matchers.any? { |matcher| matcher === text }
      end
    end
  end
end
