# frozen_string_literal: true

module Milter
  module Manager
    # Finds what somebody may have meant.
    module Spelling
      module_function

      # The most similar name, nil when none is similar.
      def closest(word, names)
        close = names.map { |name| name.to_s.delete_suffix("=") }
                     .min_by { |name| distance(name, word) }
        close if close && distance(close, word) <= [word.size / 3, 1].max
      end

      # Levenshtein's.
      def distance(one, other)
        row = (0..other.size).to_a
        one.each_char.with_index(1) do |character, index|
          diagonal = row[0]
          row[0] = index
          other.each_char.with_index(1) do |letter, column|
            cost = diagonal + (character == letter ? 0 : 1)
            diagonal = row[column]
            row[column] = [cost, row[column] + 1, row[column - 1] + 1].min
          end
        end
        row.last
      end
    end
  end
end
