# frozen_string_literal: true

module Milter
  module Manager
    # Reads the files that configurations name.  What is no regular file would
    # hold up the program, which may have a loop full of sessions, for ever.
    module Files
      LARGEST = 64 * 1024 * 1024 # bytes: more is a mistake, and would have to be held in memory
      FLAGS = File::RDONLY | File::NONBLOCK | File::NOCTTY

      module_function

      # The content, as UTF-8 without its mark; flags: further ones for open.
      # Raises SystemCallError, or a ConfigurationError with the path.
      def read(path, flags = 0)
        File.open(path, FLAGS | flags, encoding: "BOM|UTF-8") do |file|
          check(file.stat, path)
          text = file.read(LARGEST + 1)&.force_encoding(Encoding::UTF_8) || +""
          raise ConfigurationError, "#{path}: it has more than #{LARGEST} bytes" if text.bytesize > LARGEST

          text
        end
      rescue Errno::ELOOP
        raise if flags & File::NOFOLLOW == 0

        raise ConfigurationError, "#{path}: it should not be a link"
      end

      def check(status, path)
        raise Errno::EISDIR if status.directory?
        raise ConfigurationError, "#{path}: it should be a regular file" unless status.file?
      end
    end
  end
end
