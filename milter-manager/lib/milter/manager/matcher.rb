# frozen_string_literal: true

module Milter
  module Manager
    # A list of things that a string may match: strings, regexps, callables.
    class Matcher
      # What no text can ever be equal to.
      NEVER = [NilClass, TrueClass, FalseClass, Numeric, Symbol, Array, Hash].freeze

      # Refuses what cannot match.  what: "restrict_accounts_by_list: an account"
      def self.check(what, matcher)
        return unless NEVER.any? { |kind| matcher.is_a?(kind) }

        remedy = matcher.is_a?(Array) ? "; give them one by one" : ""
        raise InvalidValue, "#{what} should be a string or a regular expression but was #{matcher.inspect}#{remedy}"
      end

      # A pattern of a shell, which Ruby takes for an ordinary text, is hardly meant.
      def self.warn_of_stars(what, matcher)
        return unless matcher.is_a?(String) && matcher.include?("*")

        expression = Regexp.escape(matcher).gsub("\\*", ".*").sub(/\A\.\*/, "").then { |text| "/#{text}\\z/" }
        place = Locations.current.join(":")
        Manager.caution("#{place}: #{what} #{matcher.inspect} never matches: \"*\" stands for itself in a text; " \
                        "write a regular expression such as #{expression}")
      end

      # what: how messages call one of them
      def initialize(what, *matchers)
        @what = what
        @matchers = matchers
      end

      def add(matcher = nil, &block)
        matcher ||= block
        raise ConfigurationError, "something to match is needed" if matcher.nil?

        Matcher.check(@what, matcher)
        Matcher.warn_of_stars(@what.sub(": a ", ": the "), matcher)
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
