# frozen_string_literal: true

module Milter
  module Manager
    # Files that people write.
    module TextFile
      MARK = "\xEF\xBB\xBF".b.freeze
      UTF16 = ["\xFF\xFE".b, "\xFE\xFF".b].freeze

      module_function

      # UTF-8, or bytes when it is not; flags: further ones for open.
      def read(path, flags = 0)
        bytes = Files.read(path, flags).delete_prefix(MARK)
        refuse_zero_bytes(bytes, path)
        text = bytes.dup.force_encoding(Encoding::UTF_8)
        text.valid_encoding? ? text : bytes
      end

      # To Ruby such a byte is the end of the file: what follows would be lost without a word.
      def refuse_zero_bytes(bytes, path)
        place = bytes.index("\0") or return
        name = Locations.printable(path)
        raise ConfigurationError, "#{name}:1: the file is in UTF-16; save it as UTF-8" if bytes.start_with?(*UTF16)

        raise ConfigurationError, "#{name}:#{bytes[0, place].count("\n") + 1}: here stands a zero byte: the file is " \
                                  "damaged or no text; restore it, or save it as UTF-8"
      end
    end
  end
end
