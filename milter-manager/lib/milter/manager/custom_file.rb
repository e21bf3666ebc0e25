# frozen_string_literal: true

require "milter/manager/xml"

module Milter
  module Manager
    # milter-manager.custom.conf: items and milters as XML, as programs write
    # them (configuration section 1.3).
    class CustomFile
      # Elements of a milter that are items, and how their text becomes a value.
      MILTER_ITEMS = {
        "description" => :itself,
        "enabled" => ->(text) { text == "true" },
        "connection_spec" => :itself,
        "command" => :itself,
        "command_options" => :itself,
        "fallback_status" => :itself,
        "evaluation_mode" => ->(text) { text == "true" }
      }.freeze

      # Texts of items that are no strings.
      LITERALS = { "true" => true, "false" => false, "nil" => nil }.freeze

      # What is wrong where, for the list of the load.
      class Invalid < ConfigurationError; end

      # False when the content is not ours: only XML is read.
      def self.xml?(path)
        File.open(path, encoding: "BINARY", &:gets).to_s.delete_prefix(TextFile::MARK).delete_prefix(TextFile::UTF16.first)
            .delete_prefix(TextFile::UTF16.last).delete_prefix("\0").lstrip.start_with?("<")
      end

      def initialize(configuration, path, text)
        @configuration = configuration
        @path = path
        @text = text
      end

      def load
        root = XML.parse(@text)
        expect(root, "configuration", "")
        each_child(root, "/configuration", "security" => method(:group), "controller" => method(:group),
                                           "manager" => method(:group), "milters" => method(:milters))
      rescue XML::Invalid => e
        raise Invalid, "#{@path}:#{e.line}: #{e.message}"
      end

      private

      # "-" is the same as "_".
      def name_of(element) = element.name.tr("-", "_")

      def fail_at(element, message)
        raise Invalid, "#{@path}:#{element.line}: #{message}"
      end

      def expect(element, name, path)
        unknown(element, path, [name]) unless name_of(element) == name
      end

      def unknown(element, path, known)
        close = Spelling.closest(name_of(element), known)
        hint = close ? " (did you mean <#{close.tr("_", "-")}>?)" : ""
        fail_at(element, "unknown element: #{path}/#{element.name}#{hint}")
      end

      def each_child(element, path, readers)
        no_text(element, path)
        element.children.each do |child|
          reader = readers[name_of(child)] or unknown(child, path, readers.keys)
          reader.call(child, "#{path}/#{child.name}")
        end
      end

      def no_text(element, path)
        fail_at(element, "#{path}: text should stand in its elements only") unless element.text.strip.empty?
      end

      def text_of(element, path)
        unless element.children.empty?
          child = element.children.first
          fail_at(child, "unknown element: #{path}/#{child.name} (#{path} should hold text)")
        end
        element.text.strip
      end

      # Runs what may raise, so that the message names the element.
      def assigning(element, path)
        Manager.strictly { Locations.at(@path, element.line) { yield } }
      rescue ConfigurationError => e
        raise if e.is_a?(Invalid)

        fail_at(element, "#{path}: #{PlainWords.message_of(e)}")
      end

      # security, controller, manager
      def group(element, path)
        target = @configuration.public_send(name_of(element))
        no_text(element, path)
        element.children.each do |child|
          item = name_of(child)
          unknown(child, path, target.class.item_names.map(&:to_s)) unless target.class.item_names.include?(item.to_sym)
          here = "#{path}/#{child.name}"
          value = typed(target, item, text_of(child, here))
          assigning(child, here) { target.public_send("#{item}=", value) }
        end
      end

      # The text as the type of the item's current value wants it; an empty one is nil.
      def typed(target, item, text)
        return nil if text.empty?
        return LITERALS[text] if LITERALS.key?(text)

        base = item.end_with?("_mode") && text.start_with?("0") ? 8 : 10
        case target.public_send(item)
        when Integer then Integer(text, base, exception: false) || text
        when Float then Float(text, exception: false) || text
        else text
        end
      end

      def milters(element, path)
        each_child(element, path, "milter" => method(:milter))
      end

      def milter(element, path)
        no_text(element, path)
        names = element.children.select { |child| name_of(child) == "name" }
        fail_at(element, "#{path}: one <name> is needed") unless names.size == 1

        name = text_of(names.first, "#{path}/name")
        assigning(names.first, "#{path}/name") do
          @configuration.define_milter(name) { |child| fill(child, element, path) }
        end
      end

      def fill(milter, element, path)
        milter.applicable_conditions = []
        element.children.each do |child|
          here = "#{path}/#{child.name}"
          case name_of(child)
          when "name" then next
          when "applicable_conditions"
            each_child(child, here, "applicable_condition" => ->(one, place) { condition(milter, one, place) })
          else item(milter, child, path, here)
          end
        end
      end

      def item(milter, element, path, here)
        name = name_of(element)
        convert = MILTER_ITEMS[name] or unknown(element, path, MILTER_ITEMS.keys + %w[name applicable_conditions])
        text = text_of(element, here)
        return if text.empty? && name == "connection_spec"

        value = convert.to_proc.call(text)
        value = nil if value == ""
        assigning(element, here) { milter.public_send("#{name}=", value) }
      end

      def condition(milter, element, path)
        name = text_of(element, path)
        assigning(element, path) { milter.add_applicable_condition(name) }
      end
    end
  end
end
