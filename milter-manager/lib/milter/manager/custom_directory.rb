# frozen_string_literal: true

require "etc"

module Milter
  module Manager
    # The last directory of the load path.  It may belong to the user whom the
    # program becomes, while files are Ruby that runs as the user who has started
    # it: root.  Where others may write, only the custom file counts.
    class CustomDirectory
      # This file is loaded before privileges are dropped.
      STARTED_BY = Process.euid
      STARTED_IN = Process.egid

      def initialize(path)
        @path = path
        @statuses = []
        @warned = []
        path = File.realpath(path)
        @statuses << File.lstat(path)
        @statuses << File.lstat(path = File.dirname(path)) until path == "/"
      rescue SystemCallError
        @statuses = []
      end

      # Nobody else may write there, or put something else in its place.
      def trusted?
        directory, *above = @statuses
        !directory.nil? && ours?(directory) && above.all? { |status| ours?(status) || status.sticky? }
      end

      # Who may write there.
      def owner
        user = @statuses.map(&:uid).find { |uid| !ours_is?(uid) }
        user ? Etc.getpwuid(user).name : "others"
      rescue ArgumentError
        "the user #{user}"
      end

      # The path of a file that is there, or nil.
      def file(name)
        path = File.join(@path, name)
        path if File.symlink?(path) || File.exist?(path)
      end

      # What a relative name would have meant there.
      def warn_of(name)
        return if trusted? || name.start_with?("/") || @warned.include?(name)

        found = Dir.glob(File.join(@path, name)).min or return
        @warned << name
        Manager.caution("#{found} is not read: #{owner} may write to that directory, and the program was " \
                        "started by somebody else; move it to the directory of #{Loader::MAIN}")
      end

      private

      def ours_is?(uid) = [0, STARTED_BY].include?(uid)

      def ours?(status)
        ours_is?(status.uid) && !status.world_writable? &&
          (status.mode & 0o020 == 0 || [0, STARTED_IN].include?(status.gid))
      end
    end
  end
end
