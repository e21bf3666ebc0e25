# frozen_string_literal: true

module Milter
  module Manager
    # Says in one sentence, and at the line of its cause, why a file is no Ruby.
    class SyntaxWords
      CLOSERS = { "(" => ")", "[" => "]", "{" => "}", '#{' => "}" }.freeze
      BLOCKS = %w[do def if unless case while until for begin class module].freeze
      NAMES = %i[on_ident on_const on_label].freeze
      MODIFIERS = %w[if unless while until].freeze
      # An opener without its end: what it is, where it stands, how far it is indented.
      Opener = Struct.new(:text, :line, :indentation) do
        def closer = CLOSERS.fetch(text, "end")
      end

      # "FILE:LINE: syntax error: ..."
      def self.describe(error, path, source)
        new(error.message, path, source).to_s
      end

      def initialize(message, path, source)
        @message = message.dup.force_encoding(Encoding::UTF_8).scrub("?")
        @path = path
        @source = source.dup.force_encoding(Encoding::UTF_8).scrub("?")
        @first, @excerpt, @caret = @message.lines.map(&:chomp)
        @line = @first[/:(\d+): /, 1].to_i
        @text = @first[/:\d+: (?:syntax error, )?(.*)/, 1] || @first
      end

      def to_s
        line, words = habit || foreign_characters || by_message || [@line, "#{@text}; see the lines before, too"]
        "#{Locations.printable(@path)}:#{line}: syntax error: #{words}"
      end

      private

      def by_message
        case @text
        when /\AInvalid (break|next|redo|retry|yield)|escape from eval with (\w+)/
          [@line, "\"#{$1 || $2}\" cannot stand here; take it away"]
        when /regexp option/ then path
        when /unterminated regexp/ then @source.lines.size > 1 ? unterminated : path
        when /unterminated/ then unterminated
        when /can't find string "(.*)" anywhere/ then endless_text($1)
        when /unexpected end-of-input/ then too_early
        when /unexpected `end'/ then wrong_end
        when /unexpected '([)\]}])'/ then wrong_closer($1)
        when /unexpected/ then unexpected
        end
      end

      # What people write who know other files.
      def habit
        case source_line(@line)
        when %r{\A\s*(?://|/\*)} then [@line, "comments begin with #"]
        when /\A(?:<{7}|={7}|>{7})(?:\s|\z)/
          [@line, "here stands a mark of a merge that was not finished; leave one of the two parts"]
        when /\A\s*[\w.]+\s*:(?:=|\s)/ then [@line, "\"=\" gives a value, not \":\" or \":=\""]
        end
      end

      # Foreign quotation marks anywhere in the line, other such characters where Ruby reads a name.
      def foreign_characters
        names = tokens.select { |(line, _), kind, _| line == @line && NAMES.include?(kind) }.map { |_, _, text| text }
        words = PlainWords.foreign(source_line(@line)[/[“”„‘’«»]/] || names.join(" "))
        [@line, words] if words
      end

      def source_line(number) = @source.lines[number - 1].to_s

      def path
        [@line, "what stands between slashes is a regular expression; a path needs quotation marks"]
      end

      def wrong_end
        scan(@line)
        opener = @open.last
        return still_open('"end"', opener) if opener && opener.closer != "end"

        [@line, '"end" closes nothing here; it is one too many, or a "do" before it is missing']
      end

      def still_open(word, opener, closer = opener.closer)
        [@line, "#{word} stands where \"#{opener.text}\" of line #{opener.line} is still open; write the " \
                "missing \"#{closer}\" before it"]
      end

      # The first string that goes over several lines is the one that lacks its end.
      def unterminated
        opener = nil
        tokens.each do |(line, _), kind, text|
          case kind
          when :on_tstring_beg, :on_regexp_beg, :on_words_beg, :on_qwords_beg
            opener = [line, text]
          when :on_tstring_end, :on_regexp_end
            break if opener && opener.first != line

            opener = nil
          end
        end
        opener ||= [@line, '"']
        [opener.first, "the text begun with #{opener.last.strip} has no end; write the missing " \
                       "#{opener.last.strip[-1].tr("([{<", ")]}>")}"]
      end

      def endless_text(word)
        opener = @source.lines.index { |line| line.match?(/<<[~-]?["']?#{Regexp.escape(word)}/) }
        [(opener || @line - 1) + 1, "the text begun with <<#{word} has no end; write #{word} alone " \
                                    "on the line behind it"]
      end

      def too_early
        scan
        opener = @suspect || @open.last
        return [opener.line, "\"#{opener.text}\" has no end; write the missing \"#{opener.closer}\""] if opener

        line = last_code_line
        word = source_line(line).sub(/\s+#.*/, "").strip[/\S+\z/]
        [line, "the file ends after #{word.inspect}; write what belongs behind it, or take it away"]
      end

      def last_code_line
        number = @source.lines.rindex { |line| line.match?(/\A\s*[^#\s]/) }
        number ? number + 1 : @line
      end

      def wrong_closer(closer)
        scan
        opener = @mismatch
        unless opener
          return [@line, "what stands in { } is a list of KEY => VALUE or key: VALUE, without \"=\""] if hash_expected?
          return [@line, "\"#{closer}\" closes nothing here; it is one too many"] unless opened_before_mark?

          return [@line, "something is missing before \"#{closer}\""]
        end

        still_open("\"#{closer}\"", opener)
      end

      def unexpected
        return unterminated if string_from_before?
        return [@line, "the line ends too early; write what belongs behind it"] if @text.start_with?("unexpected '\\n'")
        return misplaced_do if token == "do"
        return open_arguments if @text.end_with?("expecting '|'")

        expected = @text[/expecting '([)\]}])'/, 1]
        scan(@line)
        opener = @open.reverse.find { |open| open.closer == expected }
        return still_open(token.inspect, opener, "#{expected}\" or \",") if opener && token
        return unless token

        [@line, "#{token.inspect} is not understood here; texts need quotation marks, elements of a list " \
                "commas between them"]
      end

      def hash_expected? = @text.end_with?("expecting =>")

      def opened_before_mark?
        scan(@line, mark)
        !@open.empty?
      end

      def misplaced_do
        scan(@line, mark)
        opener = @open.last
        return [@line, '"do" must stand in the line of its call; join the two lines'] unless CLOSERS.key?(opener&.text)

        still_open('"do"', opener)
      end

      def open_arguments
        line = @source.lines[0...@line].rindex { |text| text.match?(/(?:\bdo|\{)\s*\|[^|]*$/) }
        [(line || @line - 1) + 1, "the arguments of a block stand between two |, as in |milter|"]
      end

      # Bytes before what Ruby's mark points at.  Long lines are shown from "..." on.
      def mark
        column = @caret.to_s.index("^") or return 0
        shown = @excerpt.to_s.delete_prefix("...").delete_suffix("...")
        column -= 3 if @excerpt.to_s.start_with?("...")
        source_line(@line).b.index(shown.b).to_i + column
      end

      # A string that ends in this line and has begun in another one lacks its own end.
      def string_from_before?
        opened = nil
        tokens.any? do |(line, _), kind, _|
          opened = line if kind == :on_tstring_beg
          kind == :on_tstring_end && line == @line && opened && opened < line
        end
      end

      # What Ruby's mark ^~~~ points at.
      def token
        return if @caret.nil? || @excerpt.nil?

        column = @caret.index("^") or return
        word = @excerpt[column, [@caret.strip.size, 1].max].to_s
        word = @excerpt[column..][/\A[\w.@:]+/] || word if word.match?(/\A\w/)
        word.strip.empty? ? nil : word
      end

      def tokens
        require "ripper"
        @tokens ||= Statements.quietly { Ripper.lex(@source) }
      rescue LoadError
        @tokens = []
      end

      # Fills @open, what has no end up to that line; @suspect, the first whose end
      # is indented otherwise; @mismatch, what a wrong closer met.
      def scan(up_to = nil, up_to_column = 0)
        @open = []
        @suspect = @mismatch = nil
        loop_line = nil
        tokens.each do |(line, column), kind, text, state|
          break if up_to && ([line, column] <=> [up_to, up_to_column]) >= 0

          word = text.strip
          loop_line = line if kind == :on_kw && %w[while until for].include?(word)
          next if word == "do" && loop_line == line

          case kind
          when :on_kw
            word == "end" ? close("end", line) : open(word, line, state)
          when :on_lparen, :on_lbracket, :on_lbrace, :on_tlambeg, :on_embexpr_beg
            open(word, line, state)
          when :on_rparen, :on_rbracket, :on_rbrace, :on_embexpr_end
            close(word, line)
          end
        end
      end

      def open(word, line, state)
        return if MODIFIERS.include?(word) && state.allbits?(Ripper::EXPR_LABEL)
        return unless BLOCKS.include?(word) || CLOSERS.key?(word)

        @open.push(Opener.new(word, line, source_line(line)[/\A\s*/].size))
      end

      def close(word, line)
        opener = @open.last
        return unless opener

        if opener.closer != word
          @mismatch ||= opener
          return
        end
        indentation = source_line(line)[/\A\s*/].size
        first = source_line(line).lstrip.start_with?(word)
        @suspect ||= opener if word == "end" && first && opener.line != line && indentation < opener.indentation
        @open.pop
      end
    end
  end
end
