# frozen_string_literal: true

module Milter
  module Manager
    # Takes a configuration file apart into its top-level statements, so that a
    # mistake ends one of them and not the file.
    #
    # Only whole lines are cut, and only where both parts parse: what cannot be
    # cut safely stays one statement.
    module Statements
      Syntax = RubyVM::AbstractSyntaxTree
      READING = %i[LVAR DVAR].freeze
      WRITING = %i[LASGN DASGN DASGN_CURR].freeze
      # Comments that change how the rest is read hold for every statement.
      MAGIC = /\A#.*(?:frozen[_-]string[_-]literal|coding)\s*[:=]/.freeze

      # text: source lines; line: of the first one; reads, writes: local variables;
      # makes: those that a line does nothing but assign to, with that line
      Statement = Struct.new(:text, :line, :reads, :writes, :makes)

      module_function

      # Raises SyntaxError; path is for its message.
      def of(source, path)
        quietly { RubyVM::InstructionSequence.compile(source, path, path, 1) }
        root = tree(source)
        root ? cut(source.lines, top_level(root)) : [whole(source)]
      end

      # nil when there is no parser that gives a tree.
      def tree(source)
        quietly { Syntax.parse(source) }
      rescue SyntaxError, NotImplementedError, RuntimeError
        nil
      end

      # Each call that has a block, with that block.
      def each_block(source)
        each_node(tree(source)) do |node|
          yield(*node.children) if node.type == :ITER
          nil
        end
      end

      # Every node below, itself included; nothing below where the block says
      # :leave.  Not recursive: expressions may be nested deeply.
      def each_node(node)
        waiting = [node]
        until waiting.empty?
          node = waiting.pop
          next if !node.is_a?(Syntax::Node) || yield(node) == :leave

          waiting.concat(node.children.reverse)
        end
      end

      def whole(source) = Statement.new(source, 1, [], [], {})

      def top_level(root)
        body = root.children.last
        nodes = body&.type == :BLOCK ? body.children : [body]
        nodes.grep(Syntax::Node)
      end

      def cut(lines, nodes)
        magic = lines.take_while { |line| line.start_with?("#") }.grep(MAGIC).join
        nodes.slice_when { |one, other| other.first_lineno > one.last_lineno }
             .then { |groups| join(lines, groups.to_a) }
             .map { |first, text, group| statement(magic, first, text, group) }
      end

      # [line, text, nodes]: from where one group begins to where the next does.
      def join(lines, groups)
        parts = []
        pending = []
        first = 1
        groups.each_with_index do |group, index|
          pending.concat(group)
          beyond = groups[index + 1]&.first&.first_lineno || lines.size + 1
          text = lines[first - 1...beyond - 1].join
          next unless beyond > lines.size || tree(text)

          parts << [first, text, pending]
          pending = []
          first = beyond
        end
        parts
      end

      def statement(magic, first, text, nodes)
        magic = "" if first == 1
        text = magic + text unless magic.empty? # which would leave its encoding on it
        makes = nodes.select { |node| node.type == :LASGN }.to_h { |node| [node.children.first, node.first_lineno] }
        Statement.new(text, first - magic.lines.size, names(nodes, READING), names(nodes, WRITING), makes)
      end

      def names(nodes, types)
        found = []
        nodes.each do |node|
          each_node(node) { |inner| found << inner.children.first if types.include?(inner.type) }
        end
        found.uniq
      end

      # What Ruby has to warn of is said once, when the statement is run.
      def quietly
        verbose = $VERBOSE
        $VERBOSE = nil
        yield
      ensure
        $VERBOSE = verbose
      end
    end
  end
end
