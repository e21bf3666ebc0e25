# frozen_string_literal: true

module Milter
  module Manager
    # Finds what somebody may have meant.
    module Spelling
      module_function

      # The most similar name, else the only one that begins with the word; nil
      # when there is none.
      def closest(word, names)
        names = names.map { |name| name.to_s.delete_suffix("=") }
        close = names.min_by { |name| distance(name, word) }
        return close if close && distance(close, word) <= [word.size / 3, 1].max

        longer = names.uniq.select { |name| word.size > 3 && name.start_with?(word) }
        longer.first if longer.size == 1
      end

      # " (did you mean CLOSE?)", "" for nil
      def hint(close) = close ? " (did you mean #{close.delete_suffix("?")}?)" : ""

      # Levenshtein's, where two letters that changed places count as one mistake.
      def distance(one, other)
        before = nil
        row = (0..other.size).to_a
        one.each_char.with_index(1) do |character, index|
          following = [index]
          other.each_char.with_index(1) do |letter, column|
            cost = row[column - 1] + (character == letter ? 0 : 1)
            best = [cost, row[column] + 1, following[column - 1] + 1].min
            if before && column > 1 && character == other[column - 2] && one[index - 2] == letter
              best = [best, before[column - 2] + 1].min
            end
            following << best
          end
          before = row
          row = following
        end
        row.last
      end
    end
  end
end
