# frozen_string_literal: true

module Milter
  module Manager
    # Finds and evaluates configuration files and collects what is wrong with
    # them (configuration section 1).
    class Loader
      MAIN = "milter-manager.conf"
      CUSTOM = "milter-manager.custom.conf"

      class << self
        # The load in progress, or nil.
        attr_accessor :current
      end

      attr_reader :configuration, :messages

      # custom: the directory that ends the load path, or nil.
      def initialize(directories, custom, thorough)
        @thorough = thorough
        @custom = CustomDirectory.new(custom) if custom
        directories += [custom] if custom && @custom.trusted?
        @directories = directories.uniq do |directory|
          File.exist?(directory) ? File.realpath(directory) : directory
        end
        @configuration = Configuration.new(self)
        @messages = []
        @loading = []
        @sources = {}
      end

      # The main file, the custom file, then what needs all of it.
      def run
        Loader.current = self
        main = find_in_path(MAIN)
        return @messages << "#{MAIN} doesn't exist in #{@directories.join(", ")}" unless main

        evaluate(main)
        load_custom
        @sources.each do |path, source|
          ContextCheck.new(path, source, @configuration).run
          ItemCheck.new(path, source).run
        end
        @configuration.complete if @messages.empty?
        @configuration.look_at_milters if @messages.empty? || @thorough
      rescue ConfigurationError => e
        record(e)
      ensure
        Loader.current = nil
      end

      def load(path)
        files = find(path)
        raise ConfigurationError, "#{path} doesn't exist.#{searched(path)}" if files.empty?

        files.each { |file| evaluate(file) }
        true
      end

      def load_if_exist(path)
        files = find(path)
        files.each { |file| evaluate(file) }
        !files.empty?
      end

      # Files that path means, in the order they are loaded.
      def files(path) = find(path)

      # The file that defines the condition of that name, as load is told it; nil when there is none.
      def shipped_condition(name)
        return if name.match?(%r{[/\0]})

        file = "applicable-conditions/#{name.downcase.tr(" ", "-")}.conf"
        file if find_in_path(file)
      end

      # Gives a condition without stoppers those of the shipped one.
      def complete(condition)
        file = shipped_condition(condition.name)
        return unless file

        file = find_in_path(file)

        ShippedStoppers.new(@configuration, condition).instance_eval(TextFile.read(file), file, 1)
      rescue ScriptError, StandardError => e
        record(e, file)
      end

      # Notes FILE:LINE: MESSAGE and where that was called from, in one line.
      # path: where it must have been when the exception does not know.
      def record(error, path = nil)
        (error.backtrace || []).each { |line| Logger.debug("[configuration][backtrace] #{line}") }
        message = message_of(error, path)
        @messages << message unless @messages.include?(message)
      end

      private

      def message_of(error, path)
        nowhere = Locations.of(error).empty?
        return PlainWords.of(error) if nowhere && error.is_a?(ConfigurationError)

        message = Locations.describe(error)
        nowhere && path ? "#{path}: #{message.delete_prefix(": ")}" : message
      end

      def find(path)
        @custom&.warn_of(path)
        candidates = path.start_with?("/") ? [path] : @directories.map { |dir| File.join(dir, path) }
        candidates.each do |candidate|
          next unless FileSearch.there?(candidate)

          return File.directory?(candidate) ? FileSearch.in_directory(candidate) : [candidate]
        end
        candidates.flat_map { |candidate| FileSearch.glob(candidate) }
      end

      def find_in_path(name)
        @directories.map { |directory| File.join(directory, name) }.find { |path| FileSearch.there?(path) }
      end

      def searched(path)
        path.start_with?("/") ? "" : " It was looked for in #{@directories.join(", ")}"
      end

      def evaluate(path)
        raise ConfigurationError, "#{path} loads itself; take that load away" if @loading.include?(path)

        Logger.debug { "[configuration][load][start] <#{path}>" }
        @loading.push(path)
        begin
          evaluate_file(path)
        ensure
          @loading.pop
        end
        Logger.debug { "[configuration][load][end] <#{path}>" }
      end

      def evaluate_file(path)
        source = TextFile.read(path)
        Native.note_file(path)
        statements = Statements.of(source, path)
        @sources[path] = source
        evaluate_statements(statements, path)
      rescue SyntaxError => e
        @messages << SyntaxWords.describe(e, path, source)
        find_controller(source, path) if @thorough
      rescue ConfigurationError => e
        record(e, path)
      end

      CONTROLLER = /\A\s*controller\.(connection_spec|token)\s*=\s*"([^"\\#]*)"\s*\z/
      private_constant :CONTROLLER

      # Such a file is not evaluated, but who looks for the manager that runs is to find it.
      def find_controller(source, path)
        source.each_line.with_index(1) do |line, number|
          next unless line.valid_encoding? && (match = CONTROLLER.match(line.chomp))

          Native.assign("controller", match[1], match[2], match[2].inspect, path, number)
        end
      end

      # A mistake ends its statement.  What uses variables of such a statement is
      # left out: its mistakes would be nothing but consequences.
      def evaluate_statements(statements, path)
        receiver = @configuration.instance_eval("binding", path, 1)
        LastMatch.watch(@configuration, @sources[path], receiver)
        lost = []
        statements.each do |statement|
          next lost |= statement.writes unless (statement.reads & lost).empty?

          warn_of_hiding(statement, path)
          lost |= statement.writes unless evaluate_statement(statement, receiver, path)
        end
      end

      # From now on the word would mean the variable.
      def warn_of_hiding(statement, path)
        statement.makes.each do |name, line|
          next unless Configuration.words.include?(name)

          Manager.caution("#{Locations.printable(path)}:#{line}: #{name} = ... makes a variable that hides the " \
                          "word #{name}; give it another name")
        end
      end

      def evaluate_statement(statement, receiver, path)
        eval(statement.text, receiver, path, statement.line)
        true
      rescue SyntaxError => e
        @messages << SyntaxWords.describe(e, path, statement.text)
        false
      rescue Exception => e
        record(e, path)
        false
      end

      # Written by programs as XML; any other content is ignored.
      def load_custom
        path = find_in_path(CUSTOM)
        owner = nil
        path, owner = @custom.file(CUSTOM), @custom.owner if path.nil? && @custom && !@custom.trusted?
        text = path && TextFile.read(path, owner ? File::NOFOLLOW : 0)
        return unless text && CustomFile.xml?(text)

        Logger.debug { "[configuration][load][start] <#{path}>" }
        Native.note_file(path)
        CustomFile.new(@configuration, path, text, owner).load
        Logger.debug { "[configuration][load][end] <#{path}>" }
      rescue ConfigurationError => e
        @messages << e.message
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
