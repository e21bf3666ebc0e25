# frozen_string_literal: true

require "milter/manager/tables/lines"

module Milter
  module Manager
    # Patterns and what to do with what matches, as in Postfix' regexp_table(5):
    #   [!]/PATTERN/FLAGS ACTION
    #   if [!]/PATTERN/FLAGS ... endif
    class PostfixRegexpTable
      include TableLines

      # Whatever stands before the pattern ends it.
      PATTERN = /(?<not>!)?\s*(?<delimiter>[^\w\s!])(?<source>(?:\\.|(?!\k<delimiter>)[^\\])*)\k<delimiter>(?<flags>\w*)/
      private_constant :PATTERN

      # One pattern with its ACTION, or with the entries between if and endif.
      Entry = Struct.new(:regexp, :negated, :action, :entries)
      private_constant :Entry

      def initialize
        @entries = []
      end

      def parse(io, path = "-")
        each_nested_line(io, path, @entries) do |line, number, open|
          case line
          when /\Aif\s*#{PATTERN}\s*\z/i then open_if(entry_of(Regexp.last_match, path, number, line), open)
          when /\A#{PATTERN}\s+(?<action>.+)\z/
            open.last << entry_of(Regexp.last_match, path, number, line)
          else invalid_format(path, number, line)
          end
        end
      end

      # The action of the first match, $1 and the like filled in, or nil.
      def find(text) = find_in(@entries, readable(text))

      private

      def entry_of(match, path, number, line)
        action = match[:action] if match.names.include?("action")
        Entry.new(Regexp.new(match[:source], options(match[:flags], path, number, line)),
                  !match[:not].nil?, action)
      rescue RegexpError => e
        invalid_value(path, number, line, e.message, match[:source])
      end

      # Any case by default; the flag i toggles that.
      def options(flags, path, number, line)
        flags.each_char.inject(Regexp::IGNORECASE) do |options, flag|
          case flag
          when "i" then options ^ Regexp::IGNORECASE
          when "m" then options ^ Regexp::MULTILINE
          when "x" then options
          else invalid_value(path, number, line, "invalid flag", flag)
          end
        end
      end

      # Mail may hold any bytes; those that are no UTF-8 match nothing in particular.
      def readable(text) = text.dup.force_encoding(Encoding::UTF_8).scrub

      def find_in(entries, text)
        entries.each do |entry|
          match = entry.regexp.match(text)
          next if match.nil? != entry.negated

          action = entry.entries ? find_in(entry.entries, text) : expand(entry.action, match)
          return action if action
        end
        nil
      end

      def expand(action, match)
        action.gsub(/\$(?:\$|(\d+)|\{(\d+)\}|\((\d+)\))/) do |reference|
          index = Regexp.last_match.captures.compact.first
          next "$" if reference == "$$"

          match ? match[index.to_i].to_s : ""
        end
      end
    end
  end
end
