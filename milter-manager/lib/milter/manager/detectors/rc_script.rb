# frozen_string_literal: true

module Milter
  module Manager
    module Detectors
      # A script in rc.d of a BSD, with what rc.conf says of it.
      class RcScript
        CONF = %w[/etc/rc.conf /etc/rc.conf.local].freeze

        attr_reader :file, :name

        def initialize(root, file, script)
          @root = root
          @file = file
          lines = root.joined_lines(file)
          names = ShellVariables.new(ShellVariables::ANY_CASE).add(lines)
          @name = names["name"].to_s.match?(/\A\w+\z/n) ? names["name"] : script.tr("-", "_")
          @variables = ShellVariables.new(ShellVariables::ANY_CASE, "name" => @name)
          @said = []
          read_conf([@name, names["rcvar"]].compact)
          lines.each { |line| read(line) }
        end

        def found? = @root.file?(@file)

        # NAME_x of one of the names, or x as the script itself has it; a Fact or nil.
        def fact(*names)
          names.filter_map { |name| @variables.fact("#{@name}_#{name}", name) }.first
        end

        def text(name) = fact(name)&.text

        # A variable by its whole name.
        def whole(name) = @variables.fact(name)

        # YES and what else counts as that
        def yes?(fact) = fact&.text.to_s.match?(/\A(?:yes|true|on|1)\z/in)

        # The variable that switches it on, unless the script names another one.
        def rcvar = whole("rcvar")&.text&.then { |name| name[/\A\w+\z/n] } || @name

        private

        # The administrator's values come first: what the script computes depends on them.
        def read_conf(names)
          own = /\A\s*(?:#{names.map { |name| Regexp.escape(name) }.join("|")})(?:_\w+)?=/n
          [*CONF, "/etc/rc.conf.d/#{@name}"].each do |file|
            lines = @root.joined_lines(file).select { |line| line.text.match?(own) }
            @variables.add(lines)
            @said.concat(lines.map { |line| line.text[/\w+/n] })
          end
        end

        def read(line)
          text = ShellVariables.without_comment(line.text)
          read_defaults(text, line.place)
          assigned = text[/\A\s*(\w+)=/n, 1]
          @variables.add_line(line) unless @said.include?(assigned) || assigned == "name"
        end

        # ${NAME=DEFAULT} and ${NAME:-DEFAULT}
        def read_defaults(text, place)
          text.scan(ShellVariables::DEFAULT) do |name, value|
            next if @variables.key?(name)

            @variables.set(name, Fact.new(value.delete("\"'"), place))
          end
        end
      end
    end
  end
end
