# frozen_string_literal: true

module Milter
  module Manager
    # What of the load path is there.  What cannot be told is a mistake: a file
    # that the program may not see any more, for instance at a reload without the
    # rights of root, must not count as one that was taken away.
    module FileSearch
      # What a pattern says literally.
      LITERAL = /\A[^*?\[{\\]*/.freeze

      module_function

      def there?(path)
        File.stat(path)
        true
      rescue Errno::EACCES
        refused(path)
      rescue SystemCallError
        false
      end

      # Regular files.  Hidden ones are those of editors and the like.
      def in_directory(directory)
        names = Dir.children(directory).reject { |name| name.start_with?(".") }
        regular(names.map { |name| File.join(directory, name) })
      end

      def glob(pattern)
        literal = pattern[LITERAL]
        return [] if literal == pattern

        directory = File.dirname("#{literal}x")
        refused(directory) if there?(directory) && File.directory?(directory) && !File.readable?(directory)
        regular(Dir.glob(pattern))
      end

      def regular(paths)
        paths.select { |path| there?(path) && File.file?(path) }.sort
      end

      def refused(path)
        user = Etc.getpwuid(Process.euid)&.name || Process.euid
        raise ConfigurationError, "#{path}: Permission denied: user #{user}, who reads the configuration now, cannot " \
                                  "tell whether it is there; let that user enter its directory"
      end
    end
  end
end
