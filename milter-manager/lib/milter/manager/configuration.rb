# frozen_string_literal: true

module Milter
  module Manager
    # The receiver of configuration files.
    class Configuration
      include Conditions::RestrictAccounts

      attr_reader :package, :security, :log, :manager, :controller, :database,
                  :s25r, :remote_network, :stress, :trust, :dnsbl, :sendmail_compatible

      # What a file may call.
      def self.words
        public_instance_methods(false) + Conditions::RestrictAccounts.public_instance_methods(false) -
          %i[complete look_at_milters seal last_matches hooks inspect method_missing]
      end

      def initialize(loader)
        @loader = loader
        @package = PackageGroup.new
        @security = SecurityGroup.new
        @log = LogGroup.new
        @manager = ManagerGroup.new
        @controller = ControllerGroup.new
        @database = DatabaseGroup.new(loader)
        @s25r = Conditions::S25R.new
        @remote_network = Conditions::RemoteNetwork.new
        @stress = Conditions::Stress.new
        @trust = Conditions::Trust.new
        @dnsbl = Conditions::DNSBL.new(@manager)
        @sendmail_compatible = Conditions::SendmailCompatible.new(@manager)
        @policies = Policies.new
        @conditions = {}
        @last_matches = []
        @children = nil
      end

      def load(path) = @loader.load(path.to_s)
      def load_if_exist(path) = @loader.load_if_exist(path.to_s)

      # An empty platform asks for nothing.
      def load_default
        platform = @package.platform
        return false if platform.nil? || platform.empty?
        return true if load_if_exist("defaults/#{platform}.conf")

        Manager.caution("load_default: defaults/#{platform}.conf doesn't exist: no installed milter is " \
                        "looked for")
        false
      end

      # Looks for installed milters: detect_milters("debian") { |search| search.milter("opendkim") }
      def detect_milters(platform)
        require "milter/manager/detectors"
        search = Detectors::Search.new(self, platform.to_s)
        yield(search) if block_given?
      end

      # Creates the milter or opens it again.
      def define_milter(name)
        name = name.to_s
        raise InvalidValue, "the name of a milter should not be empty" if name.empty?

        message = Native.define_child(name, *Locations.current)
        raise ConfigurationError, message if message

        yield(Child.new(name)) if block_given?
      end

      # Names in order.
      def defined_milters = @children || Native.child_names

      def remove_milter(name)
        return if Native.remove_child(name.to_s)

        unknown_milter(name.to_s)
      end

      # Creates the condition or opens it again.
      def define_applicable_condition(name)
        name = name.to_s
        raise InvalidValue, "the name of a condition should not be empty" if name.empty?

        @conditions[name] ||= ApplicableCondition.new(name).tap do |condition|
          message = Native.define_condition(name, condition, *Locations.current)
          raise ConfigurationError, message if message
        end
        yield(@conditions[name]) if block_given?
        @conditions[name]
      end

      # Who sees whose mail; opens the policy again if there is one of that name.
      def define_policy(name, &block)
        name = name.to_s
        raise InvalidValue, "the name of a policy should not be empty" if name.empty?

        @policies.define(name, &block)
      end

      def defined_applicable_conditions = @conditions.keys

      # All files were read.
      #
      # The output of --show-config names conditions but cannot contain their
      # stoppers.  So a condition that ends up without any gets those of the
      # shipped condition of the same name, if there is one; its description stays.
      def complete
        @policies.apply(self) if @policies.any?
        @stress.read_postfix_limit
        @conditions.values.reject(&:stoppers?).each do |condition|
          @loader.complete(condition)
        end
        owners = [nil, *defined_milters] # nil: the recording of sessions
        attached = owners.flat_map { |name| ConditionList.new(name).names }.uniq
        attached.each { |name| warn_about(@conditions[name]) }
      end

      # What is missing whatever else is wrong.
      def look_at_milters
        defined_milters.each { |name| warn_about_milter(name) }
        warn_about_checkers
      end

      # The values are final; those the command line gave are in place.
      def seal
        @children = Native.child_names.freeze
        [@package, @security, @log, @manager, @controller, @database].each(&:seal)
        timeout = @manager.condition_timeout
        timeout = nil unless timeout.positive?
        @conditions.each_value { |condition| condition.timeout = timeout }
        hooks.seconds = timeout
        Database.commit
      end

      # For LastMatch.
      attr_reader :last_matches

      # For the engine.
      def hooks = @manager.instance_variable_get(:@hooks)

      def inspect = "#<#{self.class}>"

      def respond_to_missing?(*) = false

      def method_missing(name, *)
        raise NoMethodError, PlainWords.unknown_word(name.to_s, Configuration.words)
      end

      private

      def unknown_milter(name)
        close = Spelling.closest(name, defined_milters)
        Manager.complain(InvalidValue, "milter should be one of #{defined_milters.inspect} but was " \
                                       "#{name.inspect}#{Spelling.hint(close&.inspect)}")
      end

      # Conditions that will never do anything as they are.
      def warn_about(condition)
        unless condition.stoppers?
          caution(condition.name, true, "condition #{condition.name.inspect} has no stopper: it stops nothing")
        end
        return unless @stress.never? && stress_condition?(condition)

        caution(condition.name, true, "condition #{condition.name.inspect}: never stressed, for Postfix has no " \
                                      "limit of processes that is known; write stress.threshold_n_connections = NUMBER")
      end

      def warn_about_checkers
        return if hooks.checkers.empty? || Native.value("manager", "connection_check_interval").positive?

        Logger.warning("connection checkers are defined and manager.connection_check_interval is 0: " \
                       "they are never asked")
      end

      def warn_about_milter(name)
        return if !Native.child_value(name, "enabled") || Native.child_value(name, "connection_spec")

        caution(name, false, "milter #{name.inspect} has no connection_spec: it is not used")
      end

      def caution(name, condition, text)
        place = Native.place(condition, name)
        Manager.caution(place ? "#{place}: #{text}" : text)
      end

      def stress_condition?(condition) = ["Stress Notify", "No Stress"].include?(condition.name)
    end
  end
end
