# frozen_string_literal: true

require "milter/manager/groups"

module Milter
  module Manager
    # database.*
    class DatabaseGroup < Group
      items :type, :name, :host, :port, :path, :user, :password

      # Options of the adapter that have no item of their own.
      attr_reader :extra_options

      def initialize(loader)
        super()
        @loader = loader
        @extra_options = {}
        @done = false
      end

      def extra_options=(options)
        unless options.nil? || options.is_a?(Hash)
          return Manager.complain(InvalidValue, "database.extra_options should be a hash but was #{options.inspect}")
        end

        @extra_options = options || {}
      end

      # Makes the database available to models.  It is not connected to here:
      # nothing waits for it before a condition asks.
      def setup
        return if @done

        Database.setup(Database::Settings.new(self).options, Locations.current.join(":"))
        @done = true
        nil
      end

      # Loads the files of ActiveRecord classes, in every directory of the load path, sorted.
      def load_models(glob)
        Database::Library.load
        files = @loader.files(glob.to_s)
        Logger.error("#{Locations.current.join(":")}: database.load_models: #{glob} doesn't exist.") if files.empty?
        files.each { |file| Database::Models.load(file) }
        nil
      end
    end
  end
end
