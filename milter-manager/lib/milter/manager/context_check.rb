# frozen_string_literal: true

module Milter
  module Manager
    # Warns of misspelt members of the context in the stoppers of a file, which
    # else would come out when mail comes, every time.  No more than a warning: a
    # stopper that raises counts as false.
    class ContextCheck
      STOPPERS = /\Adefine_\w+_stopper\z|\Arestrict_accounts_generic\z/.freeze
      CALLS = %i[CALL QCALL ATTRASGN].freeze
      VARIABLES = %i[LVAR DVAR].freeze

      def initialize(path, source, configuration)
        @path = path
        @source = source
        @configuration = configuration
      end

      def run
        Statements.each_block(@source) { |call, block| look_at(call, block) }
      end

      private

      def look_at(call, block)
        name = call.children.grep(Symbol).first
        variable = argument(block)
        return if variable.nil? || !STOPPERS.match?(name.to_s) || assigned?(block, variable)

        block.children.each { |child| look_into(child, variable) }
      end

      # The first one, nil when the block takes none.
      def argument(block)
        variables, arguments = block.children
        variables&.first if arguments && arguments.children.first.to_i.positive?
      end

      def assigned?(block, variable)
        Statements.names([block], Statements::WRITING).include?(variable)
      end

      def look_into(block, variable)
        Statements.each_node(block) do |node|
          next :leave if node.type == :SCOPE && node.children.first&.include?(variable) # another one

          check(node, variable) if CALLS.include?(node.type)
        end
      end

      def check(node, variable)
        receiver, name, arguments = node.children
        if context?(receiver, variable)
          check_member(name, node.first_lineno)
        elsif name == :[] && children?(receiver, variable)
          check_child(arguments, node.first_lineno)
        end
      end

      def context?(node, variable)
        node.is_a?(Statements::Syntax::Node) && VARIABLES.include?(node.type) && node.children.first == variable
      end

      def children?(node, variable)
        node.is_a?(Statements::Syntax::Node) && node.type == :CALL && node.children[1] == :children &&
          context?(node.children.first, variable)
      end

      def check_member(name, line)
        return if Context.method_defined?(name)

        Manager.caution("#{place(line)}: #{Context.unknown(name)}")
      end

      # Not wrong in itself: a file may be for several configurations.
      def check_child(arguments, line)
        child = arguments&.children&.first
        return unless child.is_a?(Statements::Syntax::Node) && child.type == :STR

        name = child.children.first
        return if @configuration.defined_milters.include?(name)

        close = Spelling.closest(name, @configuration.defined_milters)
        Manager.caution("#{place(line)}: context.children[#{name.inspect}] is always nil: no milter has that " \
                        "name#{Spelling.hint(close&.inspect)}")
      end

      def place(line) = "#{Locations.printable(@path)}:#{line}"
    end
  end
end
