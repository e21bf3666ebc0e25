# frozen_string_literal: true

require "strscan"

module Milter
  module Manager
    # The XML that milter-manager.custom.conf is written in: elements, text,
    # comments, CDATA and the predefined entities.  Ruby's own parsers are gems,
    # which are not loaded; what this format has no use for is an error.
    class XML
      # One element; line is where it begins.
      Element = Struct.new(:name, :line, :children, :text)

      # What is wrong in which line.
      class Invalid < StandardError
        attr_reader :line

        def initialize(line, message)
          super(message)
          @line = line
        end
      end

      ENTITIES = { "lt" => "<", "gt" => ">", "amp" => "&", "quot" => '"', "apos" => "'" }.freeze
      NAME = /[A-Za-z_][A-Za-z0-9_.-]*/
      DEEPEST = 16 # elements within each other; the format needs five

      # The root element.
      def self.parse(text) = new(text).parse

      def initialize(text)
        @text = text
        @scanner = StringScanner.new(text)
        @line = 1 # at @counted bytes
        @counted = 0
      end

      def parse
        fail_here("it is not UTF-8") unless @text.encoding == Encoding::UTF_8 && @text.valid_encoding?

        skip_blank
        take(/<\?xml\b.*?\?>/m)
        skip_between
        fail_here("an element is expected") unless at?(/</)
        root = element(0)
        skip_between
        fail_here("nothing may stand behind </#{root.name}>") unless @scanner.eos?
        root
      end

      private

      def element(depth)
        line = current_line
        name = take(/<(#{NAME})/)&.[](1) or fail_here("the name of an element is expected")
        fail_here("<#{name}>: elements stand too deep in each other") if depth >= DEEPEST

        attributes(name)
        found = Element.new(name, line, [], +"")
        return found if take(%r{/>})

        take(/>/) or fail_here("<#{name}: \">\" is expected")
        content(found, depth)
        found
      end

      # Nothing says what one would mean; they are skipped as the xmlns of a writer would be.
      def attributes(name)
        nil while take(/\s+#{NAME}(?::#{NAME})?\s*=\s*(?:"[^"<]*"|'[^'<]*')/)
        skip_blank
        fail_here("<#{name}: an attribute is malformed") if at?(/[^>\/]/)
      end

      def content(found, depth)
        until (ending = take(%r{</\s*(#{NAME})\s*>}))
          piece(found, depth)
        end
        return if ending[1] == found.name

        fail_here("</#{ending[1]}> does not close <#{found.name}> of line #{found.line}")
      end

      def piece(found, depth)
        if (text = take(/[^<&]+/))
          found.text << text[0]
        elsif at?(/&/)
          found.text << entity
        elsif (data = take(/<!\[CDATA\[(.*?)\]\]>/m))
          found.text << data[1]
        elsif !skip_comment
          fail_here("<#{found.name}> of line #{found.line} is not closed") if @scanner.eos?
          found.children << element(depth + 1)
        end
      end

      def entity
        if (named = take(/&(#{NAME});/))
          return ENTITIES.fetch(named[1]) { fail_here("&#{named[1]}; is not known") }
        end
        number = take(/&#(?:x(\h{1,6})|(\d{1,7}));/) or fail_here("\"&\" should be written &amp;")
        code = number[1].to_s.empty? ? number[2].to_i : number[1].to_i(16)
        [code].pack("U").tap { |text| raise RangeError unless text.valid_encoding? && code.positive? }
      rescue RangeError
        fail_here("#{number[0]} is not a character")
      end

      def skip_between
        skip_blank
        skip_blank while skip_comment
      end

      def skip_blank = take(/\s+/)

      def skip_comment = take(/<!--.*?-->/m)

      def at?(pattern) = @scanner.match?(pattern)

      # The match and its groups when the text goes on like that.
      def take(pattern)
        [@scanner.matched, *@scanner.captures] if @scanner.skip(pattern)
      end

      # Counts on from the last time: lines are asked for in their order.
      def current_line
        @line += @text.byteslice(@counted, @scanner.pos - @counted).count("\n")
        @counted = @scanner.pos
        @line
      end

      def fail_here(message)
        raise Invalid.new(current_line, message)
      end
    end
  end
end
