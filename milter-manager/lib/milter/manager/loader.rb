# frozen_string_literal: true

module Milter
  module Manager
    # Finds and evaluates configuration files and collects what is wrong with
    # them (configuration section 1).
    class Loader
      MAIN = "milter-manager.conf"
      CUSTOM = "milter-manager.custom.conf"

      # The rest of the whole load is given up; the message is recorded already.
      class Abandoned < StandardError; end

      attr_reader :configuration, :messages

      def initialize(directories)
        @directories = directories.uniq do |directory|
          File.exist?(directory) ? File.realpath(directory) : directory
        end
        @configuration = Configuration.new(self)
        @messages = []
      end

      # The main file, the custom file, then what needs all of it.
      def run
        main = find_in_path(MAIN)
        return @messages << "#{MAIN} doesn't exist in #{@directories.join(", ")}" unless main

        evaluate(main)
        custom = find_in_path(CUSTOM)
        load_custom(custom) if custom
        @configuration.complete if @messages.empty?
      rescue Abandoned
        nil
      end

      def load(path)
        files = find(path)
        raise ConfigurationError, "#{path} doesn't exist." if files.empty?

        files.each { |file| evaluate(file) }
        true
      end

      def load_if_exist(path)
        files = find(path)
        files.each { |file| evaluate(file) }
        !files.empty?
      end

      # Gives a condition without stoppers those of the shipped one.
      def complete(condition)
        file = find_in_path("applicable-conditions/#{condition.name.downcase.tr(" ", "-")}.conf")
        return unless file

        ShippedStoppers.new(@configuration, condition).instance_eval(read(file), file, 1)
      rescue ScriptError, StandardError => e
        record(e)
      end

      private

      # Regular files that path means, in the order they are loaded.
      def find(path)
        candidates = path.start_with?("/") ? [path] : @directories.map { |dir| File.join(dir, path) }
        candidates.each do |candidate|
          return files_in(candidate) if File.directory?(candidate)
          return [candidate] if File.exist?(candidate)
        end
        candidates.flat_map { |candidate| regular_files(Dir.glob(candidate)) }
      end

      def files_in(directory)
        regular_files(Dir.children(directory).map { |name| File.join(directory, name) })
      end

      def regular_files(paths)
        paths.select { |path| File.file?(path) }.sort
      end

      def find_in_path(name)
        @directories.map { |directory| File.join(directory, name) }.find { |path| File.exist?(path) }
      end

      # UTF-8, or bytes when it is not.
      def read(path)
        text = File.read(path, encoding: "BOM|UTF-8")
        text.valid_encoding? ? text : text.force_encoding(Encoding::BINARY)
      rescue SystemCallError => e
        raise ConfigurationError, "#{path}: #{Manager.reason_of(e)}"
      end

      # A wrong value ends this file only, any other mistake the whole load.
      def evaluate(path)
        Logger.debug { "[configuration][load][start] <#{path}>" }
        @configuration.instance_eval(read(path), path, 1)
        Logger.debug { "[configuration][load][end] <#{path}>" }
      rescue ConfigurationError => e
        record(e, path)
      rescue Abandoned
        raise
      rescue Exception => e
        record(e, path)
        raise Abandoned
      end

      # One line: FILE:LINE: MESSAGE, and where that was called from.
      def record(error, path = nil)
        if error.is_a?(SyntaxError)
          @messages << error.message.gsub(/\s*\n\s*/, " ")
          return
        end
        @messages << describe(error, path)
      end

      def describe(error, path)
        nowhere = Locations.of(error).empty?
        return Locations.message_of(error) if nowhere && error.is_a?(ConfigurationError)

        message = Locations.describe(error).delete_prefix(": ")
        message = "#{path}: #{message}" if nowhere
        expected?(error) ? message.sub(" (#{error.class})", "") : message
      end

      # Its class says nothing more to the administrator.
      def expected?(error) = error.is_a?(ConfigurationError) || error.is_a?(NoMethodError)

      # Written by the controller as XML; any other content is ignored.
      def load_custom(path)
        return unless CustomFile.xml?(path)

        Logger.debug { "[configuration][load][start] <#{path}>" }
        CustomFile.new(@configuration, path, read(path)).load
        Logger.debug { "[configuration][load][end] <#{path}>" }
      rescue ConfigurationError => e
        @messages << e.message
      rescue SystemCallError => e
        @messages << "#{path}: #{Manager.reason_of(e)}"
      end

      # Evaluates a shipped condition's file for the stoppers of one condition alone.
      class ShippedStoppers
        def initialize(configuration, condition)
          @configuration = configuration
          @condition = condition
        end

        def define_applicable_condition(name)
          yield(StoppersOnly.new(@condition)) if name == @condition.name
        end

        def method_missing(name, *arguments, &block)
          @configuration.public_send(name, *arguments, &block)
        end

        def respond_to_missing?(name, _private = false) = @configuration.respond_to?(name)
      end
      private_constant :ShippedStoppers

      # A condition whose description is not to be changed.
      class StoppersOnly
        def initialize(condition)
          @condition = condition
        end

        ApplicableCondition::STAGES.each do |stage|
          name = "define_#{stage}_stopper"
          define_method(name) { |&stopper| @condition.public_send(name, &stopper) }
        end

        def description=(_text); end
      end
      private_constant :StoppersOnly
    end
  end
end
