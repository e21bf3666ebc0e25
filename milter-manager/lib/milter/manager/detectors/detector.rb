# frozen_string_literal: true

module Milter
  module Manager
    module Detectors
      # A milter that was found: what define_milter gets.  spec: a Fact or nil;
      # tarpit: seconds.
      Found = Struct.new(:name, :enabled, :description, :command, :options, :spec, :tarpit,
                         keyword_init: true)

      # The system that is looked at.
      class System
        attr_reader :root, :options, :rspamd

        # options: package.options
        def initialize(options)
          @options = options
          @root = Root.new(options["root"])
          @rspamd = RspamdConfiguration.new(@root, patience)
        end

        # How to have the service manager start a script: command, options; or nil.
        def start_command(script)
          return ["/usr/bin/systemctl", ["start", script]] if @root.executable?("/usr/bin/systemctl")

          service = %w[/sbin/service /usr/sbin/service].find { |file| @root.executable?(file) }
          [service, [script, "start"]] if service
        end

        private

        # Seconds that a program which is asked may take.
        def patience
          Float(@options.fetch("timeout", RspamdConfiguration::PATIENCE)).clamp(0.1, 600)
        rescue ArgumentError
          raise InvalidValue, "package.options: timeout should be a number of seconds but was " \
                              "#{@options["timeout"].inspect}"
        end
      end

      # Looks for one milter by one kind of start script.  A subclass says what
      # it finds there.
      class Detector
        def initialize(system, script)
          @system = system
          @root = system.root
          @script = script
        end

        # Found milters; none when the script is not there.
        def milters
          return [] unless found?

          command, options = start_command
          [Found.new(name: name, enabled: enabled? ? true : false, description: description,
                     command: command, options: options, spec: spec, tarpit: tarpit)]
        end

        # The spec of a Fact in the manager's spelling; nil for one that says nothing.
        def self.usable(fact)
          text = fact&.text.to_s.strip
          return if text.empty? || text.include?("$")

          text = text.sub(/\A(?:(?:unix|local):)+(?=(?:unix|local):)/n, "")
          Fact.new(text.start_with?("/") ? "unix:#{text}" : text, fact.place)
        end

        private

        def name = @script

        def spec
          @spec_known ? @spec : (@spec_known = true) && (@spec = find_spec)
        end

        def usable(fact) = Detector.usable(fact)

        # The first option that has a usable value.
        def option(flags, *names) = usable(Flags.option(flags, *names))

        def file_option(flags, *names) = Flags.option(flags, *names)&.text

        def application?(*names) = names.include?(@script)

        def tarpit = greylist? ? greylist.tarpit : 0

        def greylist? = application?("milter-greylist")

        def greylist
          @greylist ||= MilterGreylistConf.new(@root, greylist_file)
        end

        def clamav
          @clamav ||= ClamavMilterConf.new(@root, clamav_file)
        end
      end
    end
  end
end
