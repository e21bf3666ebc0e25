# frozen_string_literal: true

module Milter
  module Manager
    module Detectors
      # NAME=VALUE of shell scripts and of files in their syntax.  Nothing is
      # run: the last assignment wins, whatever it depends on.
      class ShellVariables
        LARGEST = 4096 # bytes of a value: what doubles itself comes to an end

        UPPER_CASE = /[A-Z_][A-Z0-9_]*/n
        ANY_CASE = /[A-Za-z_][A-Za-z0-9_]*/n

        VALUE = /"(?<double>(?:[^"\\]|\\.)*)"?|
                 '(?<single>[^']*)'?|
                 (?<word>(?:\$\{[^}]*\}|\$\([^)]*|[^\s;"'|&()])*)/xn
        DEFAULT = /\$\{(?<name>\w+):?[-=](?<value>"[^"]*"|'[^']*'|[^}]*)\}/n
        NAMED = /\$(?:\{(?<name>\w+)\}|(?<name>\w+))/n

        # names: which names are assigned to
        def initialize(names = UPPER_CASE, known = {})
          @assignment = /(?<![\w$\-{"'.\/])(?<name>#{names})=#{VALUE}/n
          @facts = known.transform_values { |text| Fact.new(text.b, "") }
        end

        # Facts of the lines in addition to those there are.
        def add(lines)
          lines.each { |line| add_line(line) }
          self
        end

        def add_line(line)
          return unless line.text.include?("=")

          match = @assignment.match(self.class.without_comment(line.text)) or return
          set(match[:name], Fact.new(value_of(match), line.place), literal: match[:single])
        end

        def set(name, fact, literal: false)
          return if fact.text.match?(/`|\$\(/n)

          text = literal ? fact.text : expand(fact.text)
          # A parameter of a function, or a variable of somebody else.
          return if text.match?(/\A\$\{?\w+\}?\z/n) || text.size > LARGEST

          @facts[name] = Fact.new(text, fact.place)
        end

        def key?(name) = @facts.key?(name)

        # nil when there is none; it may be empty.
        def [](name) = @facts[name]&.text

        # The first of the names that is not empty.
        def fact(*names)
          names.map { |name| @facts[name] }.find { |fact| fact && !fact.text.strip.empty? }
        end

        # Known variables in text replaced, ${NAME-DEFAULT} too; others stay.
        def expand(text)
          return text if text.size > LARGEST

          text = text.gsub(DEFAULT) do
            value = self[Regexp.last_match[:name]]
            value.nil? || value.empty? ? unquote(Regexp.last_match[:value]) : value
          end
          text.gsub(NAMED) { |reference| self[Regexp.last_match[:name]] || reference }
        end

        # A # that begins a word, outside of quotes, begins a comment.
        def self.without_comment(text)
          return text unless text.include?("#")

          quote = nil
          before = " "
          text.scan(/\\.|./mn) do |part|
            case part
            when "#" then return Regexp.last_match.pre_match if quote.nil? && before.match?(/[\s;]/n)
            when "\"", "'" then quote = quote.nil? ? part : (quote unless quote == part)
            end
            before = part
          end
          text
        end

        private

        def value_of(match) = match[:single] || match[:double]&.gsub(/\\(["\\])/n, '\1') || match[:word]

        def unquote(text) = text.sub(/\A(["'])(.*)\1\z/n, '\2')
      end
    end
  end
end
