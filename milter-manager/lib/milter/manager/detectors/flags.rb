# frozen_string_literal: true

require "shellwords"

module Milter
  module Manager
    module Detectors
      # Options in what a program is started with.
      module Flags
        module_function

        # The value of the first of the options that has one, as a Fact; flags
        # is a Fact or nil.  "-p" is found in "-p X" and "-pX", "--opt" in
        # "--opt X" and "--opt=X".
        def option(flags, *options)
          return unless flags

          words = words_of(flags.text)
          options.each do |option|
            value = separate(words, option) || attached(words, option)
            return Fact.new(value, flags.place) if value
          end
          nil
        end

        def words_of(text)
          Shellwords.split(text)
        rescue ArgumentError # a quote without its partner
          text.delete("\"'").split
        end

        def separate(words, option)
          index = words.rindex(option)
          usable(words[index + 1]) if index
        end

        def attached(words, option)
          prefix = option.start_with?("--") ? "#{option}=" : option
          word = words.reverse.find { |one| one.start_with?(prefix) && one.size > prefix.size }
          usable(word.delete_prefix(prefix)) if word
        end

        # A variable that nobody expanded says nothing.
        def usable(word)
          word unless word.nil? || word.empty? || word.start_with?("$")
        end
      end
    end
  end
end
