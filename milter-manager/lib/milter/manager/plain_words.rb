# frozen_string_literal: true

module Milter
  module Manager
    # Says what an exception means to somebody who does not program: what was
    # wrong, and what would be right.
    module PlainWords
      # What people write for something else, out of habit from other files.
      HABITS = {
        "true" => %w[yes on True TRUE YES Yes On ON], "false" => %w[no off False FALSE NO No Off OFF],
        "nil" => %w[none None NONE null NULL Null Nil NIL undef undefined default],
        "load" => %w[include import]
      }.flat_map { |right, words| words.map { |word| [word, right] } }.to_h.freeze

      # Arguments of blocks, used where there is no block.
      ARGUMENTS = {
        "milter" => "define_milter(NAME) do |milter|", "condition" => "define_applicable_condition(NAME) do |condition|",
        "context" => "condition.define_connect_stopper do |context, ...|"
      }.freeze

      KINDS = {
        "NilClass" => "nil", "TrueClass" => "true", "FalseClass" => "false", "String" => "a text",
        "Integer" => "a whole number", "Float" => "a number", "Array" => "a list", "Hash" => "a hash",
        "Symbol" => "a symbol", "Regexp" => "a regular expression", "Proc" => "a block",
        "nil" => "nil", "true" => "true", "false" => "false", "integer" => "a whole number",
        "string" => "a text", "String)" => "a text"
      }.freeze

      # By the exception's class, the most special one first: who puts it in words.
      WRITERS = {
        NoMethodError => :no_method, NameError => :no_name, LoadError => :no_library,
        FrozenError => :frozen, KeyError => :no_key, ArgumentError => :argument, TypeError => :type,
        ZeroDivisionError => :division, SystemCallError => :system, SystemStackError => :recursion,
        LocalJumpError => :jump, SystemExit => :exit
      }.freeze

      module_function

      # One line; never raises.
      def of(error)
        writer = WRITERS.find { |kind, _| error.is_a?(kind) }&.last
        (writer && send(writer, error)) || message_of(error)
      rescue StandardError
        message_of(error)
      end

      # True when the class of the exception says something beyond these words.
      def complete?(error)
        error.is_a?(ConfigurationError) || WRITERS.any? { |kind, _| error.is_a?(kind) }
      end

      # The first line, as valid UTF-8.
      def message_of(error)
        Locations.printable(error.message.to_s.lines.first.to_s.chomp)
      rescue StandardError => e
        "the message itself raised #{e.class}"
      end

      # Characters of word processors and web pages that Ruby takes for letters; nil when there is none.
      def foreign(text)
        case text
        when /[“”„‘’«»]/ then "#{$&} is no quotation mark to Ruby; write \" or '"
        when /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000\ufeff]/
          format("here stands the character U+%04X, which looks like a blank and is none to Ruby; write a blank", $&.ord)
        when /[\u2010-\u2015\u2212]/ then "#{$&} is no minus sign to Ruby; write -"
        end
      end

      # An unknown word where Ruby looked for a method or variable.
      def unknown_word(word, known)
        return foreign(word) if foreign(word)
        return "unknown word: #{word}; it is the argument of #{ARGUMENTS[word]}" if ARGUMENTS.key?(word)

        close = HABITS[word] || Spelling.closest(word, known + ARGUMENTS.keys)
        "unknown word: #{word}#{close ? Spelling.hint(close) : "; a text needs quotation marks"}"
      end

      def no_method(error)
        receiver = error.receiver
        return unknown_method(receiver, error.name.to_s) unless receiver.nil?

        subject = Receivers.of(error) || "what stands before .#{error.name}"
        subject = subject == "nil" ? subject : "#{subject} is nil here and"
        "#{subject} has no \"#{error.name}\"; find out why it is nil, or test for nil first"
      rescue ArgumentError # one of ours: it has its words and no receiver
        nil
      end

      def unknown_method(receiver, name)
        word = receiver.is_a?(Module) ? receiver.name.to_s[/\w+\z/].to_s : ""
        return "unknown name: #{word}#{Spelling.hint(word.downcase)}" if Configuration.words.include?(word.downcase.to_sym)

        close = Spelling.closest(name.delete_suffix("="), receiver.public_methods)
        hint = Spelling.hint(close)
        hint = "; a path needs quotation marks" if receiver.is_a?(Regexp) && !close
        "#{subject(receiver)} has no \"#{name.delete_suffix("=")}\"#{hint}"
      end

      # What a file calls it: "a text", "s25r", ...
      def subject(object)
        name = object.class.name.to_s
        return KINDS[name] || name unless name.start_with?("Milter::Manager::")

        name[/\w+\z/].gsub(/([a-z])([A-Z])/, '\1_\2').downcase
      end

      def no_name(error)
        name = error.name.to_s
        return unknown_word(name, error.local_variables) unless error.message.include?("constant")

        close = HABITS[name] || Spelling.closest(name, Object.constants | constants_beside(error))
        "unknown name: #{name}#{close ? Spelling.hint(close) : "; a text needs quotation marks, a library " \
                                                               "its require"}"
      end

      # Milter::Manager::PostfixCIDRTable and the like
      def constants_beside(error)
        error.receiver.is_a?(Module) ? error.receiver.constants : []
      rescue ArgumentError # it has none
        []
      end

      def no_library(error)
        name = error.path || error.message[/-- (.*)/, 1]
        return nil unless name

        missing = name.start_with?("/") ? "is not there" : "is not installed for Ruby #{RUBY_VERSION[/\d+\.\d+/]}"
        "the library #{name.inspect} #{missing}; install its package (apt-cache search ruby- lists them) or " \
          "correct its name"
      end

      def frozen(error)
        "#{error.receiver.inspect} cannot be changed; work on a copy of it (dup)"
      end

      def no_key(error)
        return "the environment has no #{error.key}; set it, or do without" if error.receiver.equal?(ENV)

        "there is nothing under #{error.key.inspect}; known are #{error.receiver.keys.inspect}"
      end

      def argument(error)
        method = error.backtrace_locations&.first&.base_label
        case error.message
        when /wrong number of arguments \(given (\d+), expected (.*?)\)/
          "#{method} was given #{count($1)}; it takes #{expected($2)}"
        when /unknown keywords?: :?(\w+)/ then unknown_keyword(method, $1)
        when /missing keywords?: :?(\w+)/ then "#{method} needs #{$1}: as well"
        when /invalid value for (Integer|Float)\(\): (.*)/
          "#{$2} is no #{$1 == "Integer" ? "whole number" : "number"}"
        end
      end

      def count(number) = number == "1" ? "1 argument" : "#{number} arguments"

      def expected(text)
        case text
        when "0" then "none"
        when /\A(\d+)\+(.*)/ then "at least #{$1}#{$2.tr(";", ",")}"
        when /\A(\d+)\.\.(\d+)(.*)/ then "#{$1} to #{$2}#{$3}"
        else text
        end
      end

      def unknown_keyword(method, keyword)
        known = Configuration.instance_methods.include?(method.to_sym) ? keywords_of(method) : []
        close = Spelling.closest(keyword, known)
        hint = close ? " (did you mean #{close}:?)" : "; it knows #{known.map { |name| "#{name}:" }.join(", ")}"
        "#{method} knows no #{keyword}:#{hint unless known.empty?}"
      end

      def keywords_of(method)
        Configuration.instance_method(method).parameters.select { |kind, _| kind.start_with?("key") }.map(&:last)
      end

      def type(error)
        case error.message
        when /no implicit conversion (?:of|from) (\S+) (?:in)?to (\S+)/, /(\S+) can't be coerced into (\S+)/
          "#{kind($1)} stands where #{kind($2)} is wanted#{remedy($2)}"
        when /can't convert (\S+) (?:in)?to (\S+)/ then "#{kind($1)} stands where #{kind($2)} is wanted"
        end
      end

      def kind(name) = KINDS[name] || name

      def remedy(name)
        case name
        when "String" then '; write it in quotation marks, or as "#{...}"'
        when "Integer", "integer", "Float" then "; write a number without quotation marks"
        end
      end

      def division(_error) = "something is divided by 0; test for 0 first"

      # "No such file or directory @ rb_sysopen - /path"
      def system(error)
        path = error.message[/ @ \w+ - (.*)/, 1]
        reason = Manager.reason_of(error)
        path ? "#{Locations.printable(path)}: #{reason}" : nil
      end

      def recursion(_error) = "something calls itself without end; see the calls named here"

      def jump(error)
        return nil unless error.message.match?(/unexpected return|no block given/)

        return "a block (do ... end) is missing" unless error.message.include?("return")

        '"return" cannot stand here; write if ... end around the rest'
      end

      def exit(_error) = "\"exit\" or \"abort\" would end the program; take it away"

      # Finds in the source what a method was called on.
      module Receivers
        CALLS = %i[CALL OPCALL ATTRASGN].freeze

        module_function

        # The text, nil when it cannot be told.
        def of(error)
          place = error.backtrace_locations&.first
          return unless place && Locations.outside?(place.path)

          source = File.binread(place.path).delete_prefix("\xEF\xBB\xBF".b).force_encoding(Encoding::UTF_8)
          found = calls(source, error.name, place.lineno).map { |node| text(source, node) }.uniq
          found.first if found.size == 1
        rescue SystemCallError
          nil
        end

        def calls(source, name, line)
          nodes = []
          tree = Statements.tree(source) or return nodes
          Statements.each_node(tree) do |node|
            receiver, called = node.children
            fits = CALLS.include?(node.type) && called == name && line.between?(node.first_lineno, node.last_lineno)
            nodes << receiver if fits
          end
          nodes
        end

        def text(source, node)
          return unless node.first_lineno == node.last_lineno

          line = source.lines[node.first_lineno - 1].to_s
          line.byteslice(node.first_column...node.last_column).force_encoding(Encoding::UTF_8).scrub("?")
        end
      end
    end
  end
end
