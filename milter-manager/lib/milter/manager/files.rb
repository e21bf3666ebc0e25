# frozen_string_literal: true

module Milter
  module Manager
    # Reads the files that configurations name.  What is no regular file would
    # hold up the program, which may have a loop full of sessions, for ever.
    module Files
      LARGEST = 64 * 1024 * 1024 # bytes: more is a mistake, and would have to be held in memory
      FLAGS = File::RDONLY | File::NONBLOCK | File::NOCTTY

      module_function

      # The bytes; flags: further ones for open.  Raises a ConfigurationError with the path.
      def read(path, flags = 0)
        File.open(path, FLAGS | flags, binmode: true) do |file|
          check(file.stat, path)
          bytes = file.read(LARGEST + 1) || "".b
          raise ConfigurationError, "#{path}: it has more than #{LARGEST} bytes" if bytes.bytesize > LARGEST

          bytes
        end
      rescue SystemCallError => e
        link = e.is_a?(Errno::ELOOP) && flags & File::NOFOLLOW != 0
        raise ConfigurationError, "#{path}: #{link ? "it should not be a link" : Manager.reason_of(e)}"
      end

      def check(status, path)
        raise Errno::EISDIR if status.directory?
        raise ConfigurationError, "#{path}: it should be a regular file" unless status.file?
      end
    end
  end
end
