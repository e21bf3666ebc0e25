# frozen_string_literal: true

module Milter
  module Manager
    # Warns of items in a block that lack what they belong to: to Ruby,
    # "enabled = false" is a variable of its own, and the milter stays enabled.
    class ItemCheck
      ITEMS = {
        define_milter: Child.item_names + %i[applicable_conditions], define_policy: Policies::Policy::ITEMS,
        define_applicable_condition: %i[description]
      }.freeze

      def initialize(path, source)
        @path = path
        @source = source
      end

      def run
        Statements.each_block(@source) { |call, block| look_at(call, block) }
      end

      private

      def look_at(call, block)
        items = ITEMS[call.children.grep(Symbol).first] or return
        items -= Statements.names([block], Statements::READING) # a variable that is used is meant
        Statements.each_node(block) { |inner| check(inner, items, block) }
      end

      def check(node, items, block)
        name = node.children.first
        return unless Statements::WRITING.include?(node.type) && items.include?(name)

        receiver = block.children.first&.first
        receiver = "|NAME| ... NAME" if receiver.nil? || receiver == name
        Manager.caution("#{Locations.printable(@path)}:#{node.first_lineno}: #{name} = ... makes a variable and " \
                        "sets nothing; write #{receiver}.#{name} = ...")
      end
    end
  end
end
