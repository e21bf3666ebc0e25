# frozen_string_literal: true

require "json"

module Milter
  module Manager
    module Detectors
      # What rspamd itself says of its configuration: the address of the worker
      # that speaks the milter protocol.
      #
      # Its answer takes seconds, so it is kept as long as the files that it is
      # made from are the same: a reload is not to hold up the sessions.
      class RspamdConfiguration
        PROGRAMS = %w[/usr/bin/rspamadm /usr/local/bin/rspamadm].freeze
        FILES = "{etc,usr/local/etc}/rspamd/**/*"
        PATIENCE = 10.0 # s

        # Of the answer: bind_socket to spec, the first that matches.
        FORMS = [
          [/\A(?:unix:)?(\/[^\s,]+)/n, ->(path) { "unix:#{path}" }],
          [/\A\*(?:v4)?:(\d+)/n, ->(port) { "inet:#{port}@localhost" }],
          [/\A\*v6:(\d+)/n, ->(port) { "inet6:#{port}@localhost" }],
          [/\A\[([\h:.]+)\]:(\d+)/n, ->(host, port) { "inet6:#{port}@[#{host}]" }],
          [/\A([\w.-]+):(\d+)/n, ->(host, port) { "inet:#{port}@#{host}" }]
        ].freeze

        @answers = {}
        class << self
          attr_reader :answers
        end

        # seconds: how long the program may take
        def initialize(root, seconds)
          @root = root
          @seconds = seconds
          @program = PROGRAMS.find { |program| root.executable?(program) }
        end

        # A Fact; nil when no worker speaks milter, or when that cannot be found out.
        def spec
          return @spec if @asked

          @asked = true
          @spec = ask if @program
        end

        # The workers of a configuration, each {"rspamd_proxy" => {...}}, whichever way they are nested.
        def self.spec_of(workers)
          proxies = flat(workers).flat_map { |worker| flat(worker["rspamd_proxy"]) }
          proxies.filter_map { |proxy| spec_of_socket(proxy["bind_socket"]) if proxy["milter"] == true }.first
        end

        def self.flat(value) = (value.is_a?(Array) ? value.flatten : [value]).grep(Hash)

        # bind_socket: text, or several
        def self.spec_of_socket(socket)
          Array(socket).grep(String).each do |text|
            FORMS.each do |form, spec|
              match = form.match(text.b.strip)
              return spec.call(*match.captures) if match
            end
          end
          nil
        end

        private

        def ask
          text = self.class.spec_of(workers)
          Fact.new(text, @root.path(@program)) if text
        rescue Program::Failed, JSON::ParserError => e
          @root.doubt(@root.path(@program), "no answer")
          Logger.warning("detection of milters: rspamd: #{PlainWords.message_of(e)}: its milter " \
                         "address is not known; set milter.connection_spec of \"rspamd\"")
          nil
        end

        def workers
          key = state
          answers = self.class.answers
          return answers[:workers] if answers[:key] == key || (answers[:key] && unreadable?)

          text = Program.output(@root.path(@program), "configdump", "--json", seconds: @seconds)
          # What it has to complain of may come first.
          answer = JSON.parse(text[/^\{.*/mn] || text, max_nesting: 200)
          answers.replace(key: key, workers: answer.is_a?(Hash) ? answer["worker"] : nil)
          answers[:workers]
        end

        # What it is not allowed to read rspamadm leaves out without a word.
        def unreadable?
          file = files.find { |one| !File.readable?(one) }
          @root.doubt(file, "Permission denied") if file
          !file.nil?
        end

        # Changes when a file of the configuration does.
        def state
          files.map { |file| File.stat(file).then { |stat| [file, stat.mtime, stat.size, stat.ino] } }
        rescue SystemCallError
          Object.new # one vanished under our eyes: equal to nothing
        end

        def files = [@program, *@root.glob(FILES)].map { |name| @root.path(name) }
      end
    end
  end
end
